package helogate

// A Fault is a mistake in a check or an Asker that a judgement met and survived. It is a temperror or a tempfail in the
// verdict, and worth a report to whoever wrote that check or Asker.
type Fault struct {
	Check    string   // the check that panicked or asked for its own outcome; "" where an Asker is at fault
	Question Question // what the Asker was asked; zero where a check is at fault
	Facts    Facts    // of the client that was judged
	Cause    any      // what was panicked with, or an error
	Stack    []byte   // where the panic was, as debug.Stack prints it; nil if there was none
}

// report reports the faults of the Asker, and those of checks in the last try.
func (j *judgement) report() {
	if j.policy.Report == nil {
		return
	}
	for _, f := range append(j.answers.faults, j.faults...) {
		f.Facts = j.Facts
		j.policy.Report(f)
	}
}
