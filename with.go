package helogate

// With returns the policy with these lines in the place of those of the same name; a line of a new name comes last. It
// answers what a verdict depends on: judge the same facts on the same evidence, with one line changed. What NewPolicy
// does not accept is an error. Of a policy that DryRun made, call With first and DryRun then.
func (p *Policy) With(lines ...Line) (*Policy, error) {
	all := make([]Line, 0, len(p.lines)+len(lines))
	for i := range p.lines {
		all = append(all, p.lines[i].Line)
	}
	for _, l := range lines {
		if i, ok := p.byName[l.Check.Name]; ok {
			all[i] = l
		} else {
			all = append(all, l)
		}
	}
	made, err := NewPolicy(p.Thresholds, all...)
	if err != nil {
		return nil, err
	}
	q := *p
	q.lines, q.byName, q.families, q.tiers, q.phases = made.lines, made.byName, made.families, made.tiers, made.phases
	q.effects, q.hasDryRun = made.effects, made.hasDryRun
	q.id = q.hash()
	return &q, nil
}
