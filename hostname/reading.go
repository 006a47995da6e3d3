package hostname

// A name can hold more runs than this only if it is made to; what comes after is not read.
const maxRuns = 48

// A run is a part of a host name that is all letters or all digits: dhcp024-210.city has the runs dhcp, 024, 210, city.
type run struct {
	start, end uint8
	number     bool
	octet      int16 // its value if it is a number of one to three digits below 256, else -1
}

// A reading is a name taken apart. It is made on the stack.
type reading struct {
	host   string // the labels before the registered domain, where who gave the name shows
	domain string // the registered domain
	runs   [maxRuns]run
	n      int
	words  [wordKindCount]string // the first word of each kind
}

// read takes a canonical name apart.
func (r *reading) read(name string) {
	r.host, r.domain = name, registered(name)
	if r.domain != "" {
		r.host = name[:max(0, len(name)-len(r.domain)-1)]
	}
	for i := 0; i < len(r.host) && r.n < maxRuns; {
		class := classes[r.host[i]]
		if class != lower && class != digit {
			i++
			continue
		}
		start := i
		for i < len(r.host) && classes[r.host[i]] == class {
			i++
		}
		r.runs[r.n] = run{start: uint8(start), end: uint8(i), number: class == digit, octet: -1}
		if class == digit {
			r.runs[r.n].octet = octetOf(r.host[start:i])
		} else if kind := kindOf(r.host[start:i]); kind != plain && r.words[kind] == "" {
			r.words[kind] = r.host[start:i]
		}
		r.n++
	}
}

func octetOf(s string) int16 {
	if len(s) > 3 {
		return -1
	}
	var value int16
	for i := range len(s) {
		value = 10*value + int16(s[i]-'0')
	}
	if value > 255 {
		return -1
	}
	return value
}

func (r *reading) text(i int) string { return r.host[r.runs[i].start:r.runs[i].end] }

// span is the text from run i to run j.
func (r *reading) span(i, j int) string { return r.host[r.runs[i].start:r.runs[j].end] }

// chain counts the octets from run i on that one dot, hyphen or underscore each separates, four at most. Only these are
// read as octets of an address: in mail-oa1-f41 the 1 and the 41 are not.
func (r *reading) chain(i int) int {
	if r.runs[i].octet < 0 {
		return 0
	}
	n := 1
	for ; n < 4 && i+n < r.n; n++ {
		last, next := r.runs[i+n-1], r.runs[i+n]
		if next.octet < 0 || next.start != last.end+1 || classes[r.host[last.end]] == other {
			break
		}
	}
	return n
}

// beside is the longer row of numbers right before or right after the word at run i, with the digits in it:
// ppp1234, cust-12-34, 12_34-ppp. Dots may separate it only if dots is set.
func (r *reading) beside(i int, dots bool) (row string, digits int) {
	from, before := i, 0
	for from > 0 && r.runs[from-1].number && r.near(from-1, from, dots) {
		from--
		before += len(r.text(from))
	}
	to, after := i, 0
	for to+1 < r.n && r.runs[to+1].number && r.near(to, to+1, dots) {
		to++
		after += len(r.text(to))
	}
	switch {
	case before == 0 && after == 0:
		return "", 0
	case before > after:
		return r.span(from, i-1), before
	}
	return r.span(i+1, to), after
}

// near reports whether at most one hyphen or underscore, or dot if dots is set, separates two neighbouring runs.
func (r *reading) near(i, j int, dots bool) bool {
	end, start := r.runs[i].end, r.runs[j].start
	return start == end || start == end+1 && (dots || r.host[end] != '.') && classes[r.host[end]] != other
}

// firstLabel is the number of runs in the first label.
func (r *reading) firstLabel() int {
	for i := 1; i < r.n; i++ {
		for at := r.runs[i-1].end; at < r.runs[i].start; at++ {
			if r.host[at] == '.' {
				return i
			}
		}
	}
	return r.n
}

// part is what stands at host[at:] up to the next separator, and where the one after it starts.
func part(host string, at int) (text string, next int) {
	end := at
	for end < len(host) && (classes[host[end]] == lower || classes[host[end]] == digit) {
		end++
	}
	return host[at:end], end + 1
}
