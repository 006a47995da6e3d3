package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"time"
)

// Options is what the caller tells this package.
type Options struct {
	Checks    []string       // the names of all checks
	Presets   []string       // the names of all presets
	Protocols []string       // what a listener can speak
	Environ   []string       // as os.Environ has it; the HELOGATE_ variables in it override the file
	Location  *time.Location // of dates without an offset; nil is time.Local
}

// largest is the size above which a file cannot be a configuration.
const largest = 16 << 20

var configType = reflect.TypeFor[Config]()

// Load reads the configuration file at path and the environment. With the path "" there is no file. An error of opening
// or reading is that of package os; an error in the file is an [Errors].
func Load(path string, opt Options) (*Config, error) {
	name, data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(name, data, opt)
}

func readFile(path string) (name string, data []byte, err error) {
	if path == "" {
		return "(no configuration file)", nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	data, err = io.ReadAll(io.LimitReader(f, largest+1))
	return path, data, err
}

// Parse is Load of data; name is what messages call it.
func Parse(name string, data []byte, opt Options) (*Config, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if err := foreign(data); err != nil {
		return nil, Errors{{File: name, Err: err}}
	}
	c, wrong := decode(name, data, opt)
	if err := wrong.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// ControlSocket returns control.socket of a configuration that may have mistakes elsewhere: a client of the running
// service must find the socket even if the file was just broken. It returns false if the setting cannot be read.
func ControlSocket(path string, opt Options) (string, bool) {
	name, data, err := readFile(path)
	if err != nil || foreign(data) != nil {
		return "", false
	}
	c, wrong := decode(name, data, opt)
	_, given := c.origin.find("control.socket")
	for _, p := range wrong {
		if p.key == "control" || p.key == "control.socket" || p.key == "" && !given {
			return "", false
		}
	}
	return c.Control.Socket, true
}

// decode makes a configuration of all that is valid.
func decode(name string, data []byte, opt Options) (*Config, problems) {
	src := newSource(name, bytes.Clone(data))
	d := &decoder{opt: opt}
	b := newBuilder(src, &d.wrong)
	b.read()
	d.environment(b.root, len(src.data))
	c := Default()
	d.table(b.root, reflect.ValueOf(c).Elem())
	d.rules(b.root, c)
	c.origin = origin{name, b.root}
	return c, d.wrong
}

// foreign reports a file that is not text, in place of a hundred errors about its bytes.
func foreign(data []byte) error {
	switch {
	case len(data) > largest:
		return fmt.Errorf("this is not a configuration: it is larger than %s", Size(largest))
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return errors.New("the file is UTF-16: save it as UTF-8")
	case bytes.HasPrefix(data, []byte("\x1f\x8b")):
		return errors.New("the file is compressed: unpack it with gunzip")
	}
	return nil
}
