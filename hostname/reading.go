package hostname

// maxRuns is more runs than names of hosts have. A reading ignores the runs after these.
const maxRuns = 48

// A run is a part of a host name that consists of letters or of digits: dhcp024-210.city has the runs dhcp, 024, 210,
// city.
type run struct {
	start, end uint8
	label      uint8 // which label it is in, the first is 0
	number     bool
	kind       wordKind // of a word
	octet      int16    // the value of a number of one to three digits below 256, else -1
	chain      uint8    // how many octets are next to each other from here on, see link
}

// A reading is a name taken apart. It is made on the stack.
type reading struct {
	name   string // the whole name; "" if it is too long
	org    string // its organisational domain
	host   string // the labels before the registered domain, which show who chose the name
	domain string // the registered domain
	runs   [maxRuns]run
	n      int
	digits bool                // a run is a number, or there are more than maxRuns
	first  int                 // how many runs the first label has
	words  [wordKindCount]int8 // the first run of each kind, from 1; 0 if there is none
}

// read takes a canonical name apart. An x between two digits separates octets as a hyphen does: 192x0x2x99.
func (r *reading) read(name string) {
	r.name, r.host = name, name
	r.org, r.domain = domains(name)
	if r.domain != "" {
		r.host = name[:max(0, len(name)-len(r.domain)-1)]
	}
	label := uint8(0)
	for i := 0; i < len(r.host) && r.n < maxRuns; {
		class := classes[r.host[i]]
		switch {
		case class != lower && class != digit:
			if r.host[i] == '.' {
				label++
			}
			i++
			continue
		case r.isTimes(i):
			i++
			continue
		}
		start := i
		for i < len(r.host) && classes[r.host[i]] == class {
			i++
		}
		r.add(start, i, label, class == digit)
	}
	r.digits = r.digits || r.n == maxRuns
	r.link()
}

// isTimes reports whether an x between two digits is at i.
func (r *reading) isTimes(i int) bool {
	return r.host[i] == 'x' && i > 0 && i+1 < len(r.host) && classes[r.host[i-1]] == digit && classes[r.host[i+1]] == digit
}

func (r *reading) add(start, end int, label uint8, number bool) {
	at := &r.runs[r.n]
	*at = run{start: uint8(start), end: uint8(end), label: label, number: number, octet: -1}
	r.n++
	if label == 0 {
		r.first = r.n
	}
	if number {
		r.digits = true
		at.octet = octetOf(r.host[start:end])
		return
	}
	at.kind = kindOf(r.host[start:end])
	if r.words[at.kind] == 0 {
		r.words[at.kind] = int8(r.n)
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

// word returns the first word of a kind, or "".
func (r *reading) word(kind wordKind) string {
	if at := int(r.words[kind]); at > 0 {
		return r.text(at - 1)
	}
	return ""
}

// length returns how many octets run i has.
func (r *reading) length(i int) int { return int(r.runs[i].end - r.runs[i].start) }

// link counts, for each run, the octets from it on that are separated by one dot, hyphen, underscore or x each, at
// most four. Only these are read as octets of an address: the 1 and the 41 in mail-oa1-f41 are not.
func (r *reading) link() {
	for i := r.n - 1; i >= 0; i-- {
		at := &r.runs[i]
		if at.octet < 0 {
			continue
		}
		at.chain = 1
		if i+1 == r.n {
			continue
		}
		if next := &r.runs[i+1]; next.start == at.end+1 && classes[r.host[at.end]] != other {
			at.chain = min(4, 1+next.chain)
		}
	}
}

// chain returns the count of link for run i.
func (r *reading) chain(i int) int { return int(r.runs[i].chain) }

// A row is one or more numbers next to each other, and how many digits they have.
type row struct {
	start, end uint8
	digits     int
}

// beside returns the longer row of numbers right before or right after the word at run i: ppp1234, cust-12-34,
// 12_34-ppp. With dots set, dots may separate them as well.
func (r *reading) beside(i int, dots bool) row {
	from, before := i, 0
	for from > 0 && r.runs[from-1].number && r.near(from-1, from, dots) {
		from--
		before += r.length(from)
	}
	to, after := i, 0
	for to+1 < r.n && r.runs[to+1].number && r.near(to, to+1, dots) {
		to++
		after += r.length(to)
	}
	switch {
	case before == 0 && after == 0:
		return row{}
	case before > after:
		return row{r.runs[from].start, r.runs[i-1].end, before}
	}
	return row{r.runs[i+1].start, r.runs[to].end, after}
}

// longestRow returns the row of the first label with the most digits.
func (r *reading) longestRow() row {
	var longest, this row
	for i := range r.first {
		at := &r.runs[i]
		switch {
		case !at.number:
			this = row{}
			continue
		case this.digits > 0 && r.near(i-1, i, false):
			this.end = at.end
		default:
			this = row{start: at.start, end: at.end}
		}
		this.digits += r.length(i)
		if this.digits > longest.digits {
			longest = this
		}
	}
	return longest
}

// near reports whether at most one hyphen or underscore, or a dot if dots is set, separates two neighbouring runs.
func (r *reading) near(i, j int, dots bool) bool {
	end, start := r.runs[i].end, r.runs[j].start
	return start == end || start == end+1 && (dots || r.host[end] != '.') && classes[r.host[end]] != other
}

// endsLabel reports whether run i is the last of its label.
func (r *reading) endsLabel(i int) bool {
	end := int(r.runs[i].end)
	return end == len(r.host) || r.host[end] == '.'
}

// isLabel reports whether run i is a whole label.
func (r *reading) isLabel(i int) bool {
	start := int(r.runs[i].start)
	return r.endsLabel(i) && (start == 0 || r.host[start-1] == '.')
}

// part returns the text from host[at] to the next separator, and the offset after that separator.
func part(host string, at int) (text string, next int) {
	end := at
	for end < len(host) && (classes[host[end]] == lower || classes[host[end]] == digit) {
		end++
	}
	return host[at:end], end + 1
}
