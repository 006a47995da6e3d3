package hostname

// The signals of anything that looks like an IPv4 address, whether or not it is the client's.

// likely reports whether four numbers are more likely an address than a version or a count: read forwards or
// backwards, the first can begin an address of a host, and not all are small.
func likely(o [4]int16) bool {
	if !canStart(o[0]) && !canStart(o[3]) {
		return false
	}
	return max(o[0], o[1], o[2], o[3]) >= 20 || o[0] == 10 || o[3] == 10
}

func canStart(octet int16) bool { return octet >= 1 && octet <= 223 }

// octetsAt returns the values of n runs from run i on, then zeros.
func (r *reading) octetsAt(i, n int) (o [4]int16) {
	for k := range n {
		o[k] = r.runs[i+k].octet
	}
	return o
}

// anyOctets finds four octets next to each other, the last four if there are more: 192-0-2-1 in ec2-192-0-2-1.
func (r *reading) anyOctets() finding {
	for i := range r.n {
		if r.chain(i) == 4 && (i+1 == r.n || r.chain(i+1) < 4) && likely(r.octetsAt(i, 4)) {
			return r.show(fourOctets, i, i+3)
		}
	}
	return finding{}
}

// anyGroups finds four octets in two consecutive labels: one and three (99.sub-192-0-2), three and one, or two and
// two, which is weaker evidence. The first group ends its label.
func (r *reading) anyGroups() finding {
	var weak finding
	for i := 0; i+1 < r.n; i++ {
		n := r.chain(i)
		last := i + n - 1
		if n == 0 || n > 3 || !r.endsLabel(last) || i > 0 && r.chain(i-1) == n+1 {
			continue
		}
		second := last + 1
		for second < r.n && !r.runs[second].number && r.runs[second].label == r.runs[last].label+1 {
			second++
		}
		if second+4-n > r.n || r.runs[second].label != r.runs[last].label+1 || r.chain(second) != 4-n {
			continue
		}
		o := r.octetsAt(i, n)
		rest := r.octetsAt(second, 4-n)
		copy(o[n:], rest[:4-n])
		switch {
		case n == 2 && likely(o):
			weak = r.show(twoPairs, i, second+1)
		case n != 2 && likely(o) && big(o) >= 2:
			return r.show(groupedOctets, i, second+3-n)
		}
	}
	return weak
}

// big counts the numbers that are too large for the number of a host.
func big(o [4]int16) int {
	n := 0
	for _, octet := range o {
		if octet >= 32 {
			n++
		}
	}
	return n
}

// anyThree finds three octets next to each other.
func (r *reading) anyThree() finding {
	for i := range r.n {
		if r.chain(i) == 3 && big(r.octetsAt(i, 3)) >= 1 {
			return r.show(threeOctets, i, i+2)
		}
	}
	return finding{}
}

// anyBare finds a name whose first two labels are octets, with four digits in all: 31.109.city.
func (r *reading) anyBare() finding {
	if r.n > 1 && r.runs[0].octet >= 0 && r.runs[1].octet >= 0 && r.runs[1].label == 1 && r.isLabel(0) && r.isLabel(1) &&
		r.length(0)+r.length(1) >= 4 {
		return r.show(bareOctets, 0, 1)
	}
	return finding{}
}

// anyFused finds a number of twelve digits that is four octets padded with zeros.
func (r *reading) anyFused() finding {
	for i := range r.n {
		if !r.runs[i].number || r.length(i) != 12 {
			continue
		}
		text := r.text(i)
		o := [4]int16{octetOf(text[:3]), octetOf(text[3:6]), octetOf(text[6:9]), octetOf(text[9:])}
		if min(o[0], o[1], o[2], o[3]) >= 0 && likely(o) {
			return r.show(fourOctets, i, i)
		}
	}
	return finding{}
}
