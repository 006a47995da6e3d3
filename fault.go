package helogate

// A Fault is a programming error in a check or an Asker: it panicked or broke its contract. The verdict has a temperror
// or a tempfail in its place.
type Fault struct {
	Check    string   // the check that panicked or asked for its own outcome; "" where an Asker is at fault
	Question Question // what the Asker was asked; zero where a check is at fault
	Facts    Facts    // of the client that was judged
	Cause    any      // the value of the panic, or an error
	Stack    []byte   // of the panic, as debug.Stack returns it; nil if there was none
}

// report calls Policy.Report for the faults of the Asker, and for those of checks in the last try.
func (j *judgement) report() {
	if j.policy.Report == nil {
		return
	}
	for _, f := range append(j.answers.faults, j.faults...) {
		f.Facts = j.Facts
		j.policy.Report(f)
	}
}
