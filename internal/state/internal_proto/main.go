package main

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"flag"
	"fmt"
	"hash/maphash"
	"io"
	"math/rand/v2"
	"os"
	"runtime/pprof"
	"sort"
	"time"

	"modernc.org/sqlite"
)

type c struct{ driver.Conn }

func (c c) exec(q string) {
	if _, err := c.Conn.(driver.ExecerContext).ExecContext(context.Background(), q, nil); err != nil {
		panic(q + ": " + err.Error())
	}
}
func (c c) prep(q string) driver.Stmt {
	s, err := c.Prepare(q)
	if err != nil {
		panic(err)
	}
	return s
}

var nv = make([]driver.NamedValue, 16)

func args(v ...driver.Value) []driver.NamedValue {
	a := nv[:len(v)]
	for i, x := range v {
		a[i] = driver.NamedValue{Ordinal: i + 1, Value: x}
	}
	return a
}

func main() {
	mode := flag.String("mode", "norowid", "")
	page := flag.Int("page", 4096, "")
	cache := flag.Int("cache", 65536, "KiB")
	mmap := flag.Int("mmap", 0, "")
	n := flag.Int("n", 1000, "")
	ops := flag.Int("ops", 200000, "")
	ckpt := flag.Int("ckpt", 1000, "")
	fresh := flag.Bool("fresh", false, "new keys each time")
	prof := flag.String("prof", "", "")
	flag.Parse()
	dir, _ := os.MkdirTemp("/work/main/internal/state/internal_proto", "db")
	defer os.RemoveAll(dir)
	cn, err := (&sqlite.Driver{}).Open(dir + "/x.db")
	if err != nil {
		panic(err)
	}
	db := c{cn}
	db.exec(fmt.Sprintf("pragma page_size=%d", *page))
	db.exec("pragma journal_mode=wal")
	db.exec("pragma synchronous=normal")
	db.exec("pragma locking_mode=normal")
	db.exec(fmt.Sprintf("pragma cache_size=-%d", *cache))
	db.exec(fmt.Sprintf("pragma mmap_size=%d", *mmap))
	db.exec(fmt.Sprintf("pragma wal_autocheckpoint=%d", *ckpt))
	var sel, ins, upd driver.Stmt
	seed := maphash.MakeSeed()
	if *mode == "norowid" {
		db.exec("create table r(kind int not null, key blob not null, first int not null, last int not null, passed int not null, count int not null, value blob, expires int not null, primary key(kind,key)) without rowid")
		sel = db.prep("select first,last,passed,count,value,expires from r where kind=?1 and key=?2")
		ins = db.prep("insert into r(kind,key,first,last,passed,count,value,expires) values(?1,?2,?3,?4,?5,?6,?7,?8)")
		upd = db.prep("update r set last=?3,passed=?4,count=?5,expires=?6 where kind=?1 and key=?2")
	} else {
		db.exec("create table r(id integer primary key, kind int not null, key blob not null, first int not null, last int not null, passed int not null, count int not null, value blob, expires int not null)")
		sel = db.prep("select first,last,passed,count,value,expires from r where id=?1 and key=?2")
		ins = db.prep("insert into r(kind,key,first,last,passed,count,value,expires,id) values(?1,?2,?3,?4,?5,?6,?7,?8,?9)")
		upd = db.prep("update r set last=?3,passed=?4,count=?5,expires=?6 where id=?1")
	}
	key := func(i int) []byte {
		h := rand.New(rand.NewPCG(uint64(i), 7))
		return fmt.Appendf(nil, "%d.%d.%d.0/24 %x@%x.example.org jane.doe%d@example.net", h.IntN(256), h.IntN(256), h.IntN(256), h.Uint32(), h.Uint32(), h.IntN(1000))
	}
	id := func(k []byte) int64 { return int64(maphash.Bytes(seed, k)) }
	_ = binary.BigEndian
	dest := make([]driver.Value, 6)
	now := time.Now().UnixMilli()
	one := func(i int) {
		k := key(i)
		var a []driver.NamedValue
		h := id(k)
		if *mode == "norowid" {
			a = args(int64(0), k)
		} else {
			a = args(h, k)
		}
		rows, err := sel.(driver.StmtQueryContext).QueryContext(nil, a)
		if err != nil {
			panic(err)
		}
		err = rows.Next(dest)
		rows.Close()
		now++
		if err == io.EOF {
			if *mode == "norowid" {
				a = args(int64(0), k, now, now, int64(0), int64(1), nil, now+86400000)
			} else {
				a = args(int64(0), k, now, now, int64(0), int64(1), nil, now+86400000, h)
			}
			_, err = ins.(driver.StmtExecContext).ExecContext(nil, a)
		} else {
			cnt := dest[3].(int64)
			if *mode == "norowid" {
				a = args(int64(0), k, now, now, cnt+1, now+86400000)
			} else {
				a = args(h, nil, now, now, cnt+1, now+86400000)
			}
			_, err = upd.(driver.StmtExecContext).ExecContext(nil, a)
		}
		if err != nil {
			panic(err)
		}
	}
	t0 := time.Now()
	db.exec("begin immediate")
	for i := range *n {
		one(i)
		if i%20000 == 19999 {
			db.exec("commit")
			db.exec("begin immediate")
		}
	}
	db.exec("commit")
	fill := time.Since(t0)
	db.exec("pragma wal_checkpoint(truncate)")
	st, _ := os.Stat(dir + "/x.db")
	if *prof != "" {
		f, _ := os.Create(*prof)
		pprof.StartCPUProfile(f)
		defer pprof.StopCPUProfile()
	}
	t0 = time.Now()
	var commits []time.Duration
	last := time.Now()
	db.exec("begin immediate")
	next := *n
	var pure time.Duration
	for j := range *ops {
		if *fresh {
			one(next)
			next++
		} else {
			one(rand.IntN(*n))
		}
		if j%256 == 0 && time.Since(last) > 500*time.Millisecond {
			x := time.Now()
			pure += x.Sub(last)
			db.exec("commit")
			commits = append(commits, time.Since(x))
			db.exec("begin immediate")
			last = time.Now()
		}
	}
	pure += time.Since(last)
	x := time.Now()
	db.exec("commit")
	commits = append(commits, time.Since(x))
	d := time.Since(t0)
	sort.Slice(commits, func(i, j int) bool { return commits[i] < commits[j] })
	w, _ := os.Stat(dir + "/x.db-wal")
	fmt.Printf("%s page %d cache %d mmap %d n %d ckpt %d fresh %v: fill %s, size %d MB, wal %d MB; %.0f ops/s, without commits %s/op; commits %d median %s max %s\n", *mode, *page, *cache, *mmap, *n, *ckpt, *fresh, fill.Round(time.Millisecond), st.Size()>>20, w.Size()>>20, float64(*ops)/d.Seconds(), pure/time.Duration(*ops), len(commits), commits[len(commits)/2], commits[len(commits)-1])
}
