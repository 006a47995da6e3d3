package config

import "fmt"

// EnforcedIn returns the tables that enforce although mode is shadow above the first table: "policy.for[0]",
// "listen[1]". It returns nil in enforce mode.
func (c *Config) EnforcedIn() (tables []string) {
	if c.Mode == Enforce {
		return nil
	}
	for i, f := range c.Policy.For {
		if f.Mode == Enforce {
			tables = append(tables, fmt.Sprintf("policy.for[%d]", i))
		}
	}
	for i, l := range c.Listen {
		if l.Mode == Enforce {
			tables = append(tables, fmt.Sprintf("listen[%d]", i))
		}
	}
	return tables
}
