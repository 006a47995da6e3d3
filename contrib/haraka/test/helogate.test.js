'use strict'
// What the plugin asks, and what it makes of the answers: with a server that stands for helogate, and no Haraka.

const assert = require('node:assert')
const fs = require('node:fs')
const http = require('node:http')
const os = require('node:os')
const path = require('node:path')
const { test, beforeEach, afterEach } = require('node:test')

// As in haraka-constants.
Object.assign(global, { CONT: 900, DENY: 902, DENYSOFT: 903, DENYDISCONNECT: 904, OK: 906 })

const source = require('../helogate.js')

const CONTINUE = { action: 'continue', reply: null, headers: [] }
const NO = { code: 550, enhanced: '5.7.25', text: '192.0.2.1 has no name in reverse DNS [x]' }

let dir, server, plugin, asked, answer, log, sockets

beforeEach(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'haraka-'))
  asked = []
  log = []
  sockets = 0
  answer = () => [200, verdict(CONTINUE)]
  server = http.createServer((req, res) => {
    let body = ''
    req.on('data', (part) => { body += part })
    req.on('end', () => {
      asked.push({ method: req.method, url: req.url, headers: req.headers, facts: JSON.parse(body) })
      const said = answer(res)
      if (!said) return
      res.writeHead(said[0], { 'Content-Type': 'application/json' })
      res.end(typeof said[1] === 'string' ? said[1] : JSON.stringify(said[1]))
    })
  })
  server.on('connection', () => { sockets++ })
  await new Promise((resolve) => server.listen(path.join(dir, 'http'), resolve))
  plugin = load({ socket: path.join(dir, 'http') })
})

afterEach(async () => {
  plugin.shutdown()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  fs.rmSync(dir, { recursive: true })
})

function verdict (now) {
  return { id: 'x', action: now.action, by: now.action === 'continue' ? '' : 'rdns', now }
}

// load is what Haraka does with a plugin and its configuration.
function load (main) {
  const p = Object.create(source)
  const say = (level) => (...said) => log.push(`${level}: ${said.filter((s) => typeof s === 'string').join(' ')}`)
  Object.assign(p, {
    name: 'helogate',
    timeout: 30,
    hooks: {},
    ini: main,
    register_hook (hook, method) { this.hooks[hook] = method },
    logerror: say('error'),
    lognotice: say('notice'),
    config: { get: (name, changed) => { p.changed = changed; return { main: p.ini } } },
  })
  p.register()
  return p
}

function results () {
  return { all: [], add (p, one) { this.all.push(one) } }
}

// client is a connection as Haraka has it.
function client (more) {
  return {
    uuid: 'AB-CD',
    remote: { ip: '192.0.2.1', port: 40000 },
    local: { ip: '192.0.2.25', port: 25 },
    hello: { verb: null, host: null },
    notes: {},
    relaying: false,
    results: results(),
    transaction: null,
    logerror: (p, text) => log.push(`error: ${text}`),
    auth_results (s) { (this.authenticated ||= []).push(s) },
    ...more,
  }
}

function greet (c, line) {
  c.current_line = line
  const [verb, host] = line.split(/ +/)
  c.hello = { verb: verb.toUpperCase(), host }
}

function begin (c, from) {
  c.transaction = { mail_from: { original: from }, notes: {}, results: results(), headers: [], add_leading_header (name, value) { this.headers.unshift(`${name}: ${value}`) } }
}

// run runs a hook, and gives what it calls next with.
function run (c, hook, params) {
  return new Promise((resolve) => plugin[plugin.hooks[hook]]((...args) => resolve(args), c, params))
}

test('it is asked about each stage with what the client has shown', async () => {
  const c = client()
  assert.deepEqual(await run(c, 'connect'), [])
  greet(c, 'EHLO mail.example.org')
  assert.deepEqual(await run(c, 'ehlo'), [])
  begin(c, '<jane@example.org>')
  assert.deepEqual(await run(c, 'mail'), [])
  assert.deepEqual(await run(c, 'rcpt_ok', { original: '<bob@example.net>' }), [])
  const connect = { stage: 'connect', client: '192.0.2.1', session: 'haraka AB-CD', server: '192.0.2.25:25' }
  const helo = { ...connect, stage: 'helo', verb: 'EHLO', helo: 'mail.example.org' }
  const mail = { ...helo, stage: 'mail', sender: 'jane@example.org' }
  assert.deepEqual(asked.map((a) => a.facts), [connect, helo, mail, { ...mail, stage: 'rcpt', recipient: 'bob@example.net' }])
  for (const a of asked) {
    assert.equal(`${a.method} ${a.url}`, 'POST /v1/judge')
    assert.equal(a.headers['content-type'], 'application/json')
    assert.equal(a.headers.authorization, undefined)
  }
  assert.equal(sockets, 1)
  assert.deepEqual(log, [])
})

test('what was said in HELO is judged whole, as it came', async () => {
  for (const [line, want] of [
    ['HELO a b  c', 'a b  c'],
    ['ehlo   mx.example.org  ', 'mx.example.org'],
    ['EHLO [192.0.2.1]', '[192.0.2.1]'],
    ['EHLO ü\u0000"\ud800', 'ü\u0000"\ufffd'],
    [`EHLO ${'x'.repeat(9000)}`, 'x'.repeat(2048)],
  ]) {
    const c = client()
    greet(c, line)
    await run(c, 'helo')
    assert.equal(asked.at(-1).facts.helo.toWellFormed?.() ?? want, want)
  }
  const c = client({ hello: { verb: 'EHLO', host: 'by.xclient' }, notes: { helogate_helo: { host: 'a', whole: 'a b' } } })
  begin(c, '<>')
  await run(c, 'mail')
  assert.equal(asked.at(-1).facts.helo, 'by.xclient')
  assert.equal(asked.at(-1).facts.sender, '')
})

test('all that a client can write fits into a request', async () => {
  const nothing = '\u0000'.repeat(9000)
  const c = client({ hello: { verb: 'EHLO', host: nothing }, notes: { auth_user: nothing } })
  begin(c, nothing)
  await run(c, 'rcpt_ok', { original: nothing })
  assert.ok(Number(asked[0].headers['content-length']) < 64 * 1024)
})

test('addresses of both kinds', async () => {
  await run(client({ remote: { ip: '2001:db8::1' }, local: { ip: '2001:db8::25', port: 587 } }), 'connect')
  assert.equal(asked[0].facts.client, '2001:db8::1')
  assert.equal(asked[0].facts.server, '[2001:db8::25]:587')
  await run(client({ local: { ip: null, port: null } }), 'connect')
  assert.equal('server' in asked[1].facts, false)
  await run(client({ remote: { ip: 'unknown' } }), 'connect')
  assert.equal(asked.length, 2)
})

test('a login is shown; who may relay without one is not asked about', async () => {
  const c = client({ relaying: true, notes: { auth_user: 'jane' } })
  greet(c, 'EHLO laptop')
  begin(c, '<jane@example.net>')
  await run(c, 'rcpt_ok', { original: '<bob@example.org>' })
  assert.equal(asked[0].facts.auth, 'jane')
  assert.deepEqual(await run(client({ relaying: true }), 'connect'), [])
  assert.equal(asked.length, 1)
})

test('a refusal is told with its codes', async () => {
  for (const [now, code] of [
    [{ action: 'reject', reply: NO, headers: [] }, DENY],
    [{ action: 'drop', reply: NO, headers: [] }, DENYDISCONNECT],
    [{ action: 'defer', reply: { code: 451, enhanced: '4.4.3', text: 'later' }, headers: [] }, DENYSOFT],
  ]) {
    answer = () => [200, verdict(now)]
    const c = client()
    const [got, dsn] = await run(c, 'connect')
    assert.equal(got, code)
    assert.equal(dsn.constructor.name, 'DSN') // by which Haraka knows it
    assert.equal(`${dsn.code} ${dsn.reply}`, `${now.reply.code} ${now.reply.enhanced} ${now.reply.text}`)
    assert.deepEqual(c.results.all, [{ id: 'x', stage: 'connect', action: now.action, by: 'rdns', fail: 'connect: rdns' }])
    assert.equal(c.notes.helogate.id, 'x')
  }
})

test('no verdict is a permit', async () => {
  answer = () => [200, { ...verdict(CONTINUE), action: 'accept', by: 'exempt' }]
  const c = client()
  greet(c, 'EHLO a')
  begin(c, '<a@b>')
  for (const hook of ['connect', 'ehlo', 'mail', 'rcpt_ok']) assert.deepEqual(await run(c, hook, { original: '<c@d>' }), [])
})

test('headers are added in their order, those of the last recipient that was let in', async () => {
  const c = client()
  greet(c, 'EHLO a')
  begin(c, '<a@b>')
  const headers = (id) => [
    { name: 'Authentication-Results', value: 'mx.example.net; iprev=pass policy.iprev=192.0.2.1' },
    { name: 'X-Helogate', value: `id=${id}` }, { name: 'X-HELO', value: 'a' }]
  answer = () => [200, verdict({ ...CONTINUE, headers: headers(asked.length) })]
  await run(c, 'rcpt_ok', { original: '<c@d>' })
  await run(c, 'rcpt_ok', { original: '<e@f>' })
  answer = () => [200, verdict({ action: 'reject', reply: NO, headers: [] })]
  await run(c, 'rcpt_ok', { original: '<g@h>' })
  assert.deepEqual(await run(c, 'data_post'), [])
  assert.deepEqual(c.transaction.headers, ['X-Helogate: id=2', 'X-HELO: a'])
  assert.deepEqual(c.authenticated, ['iprev=pass policy.iprev=192.0.2.1']) // Haraka's own field takes it up

  begin(c, '<a@b>') // the next message knows nothing of this one
  await run(c, 'data_post')
  assert.deepEqual(c.transaction.headers, [])
  c.transaction.notes.helogate = verdict({ ...CONTINUE, headers: [{ name: 'Authentication-Results', value: 'mx.example.net; none' }] })
  await run(c, 'data_post')
  assert.equal(c.authenticated.length, 1)
})

// Each is no answer, and what the log says of it.
const DOWN = {
  'nobody listens': [(p) => { p.cfg.where.socketPath += '-gone' }, /connect ENOENT/],
  'it refuses us': [() => { answer = () => [401, { error: 'the token is missing or wrong' }] }, /it answers 401: the token is missing or wrong/],
  'it is stopping': [() => { answer = () => [503, 'gone'] }, /it answers 503: gone/],
  'a permit, even': [() => { answer = () => [200, verdict({ action: 'accept', reply: NO, headers: [] })] }, /does not say what to do/],
  'a refusal without words': [() => { answer = () => [200, verdict({ action: 'reject', reply: null, headers: [] })] }, /does not say what to do/],
  'no JSON': [() => { answer = () => [200, '<html>'] }, /not JSON/],
  'null': [() => { answer = () => [200, 'null'] }, /does not say what to do/],
  'half an answer': [() => { answer = (res) => { res.writeHead(200, { 'Content-Length': 100 }); res.write('{'); setTimeout(() => res.destroy(), 20) } }, /aborted/],
  'no answer': [() => { answer = (res) => { res.destroy() } }, /socket hang up/],
  'silence': [(p) => { p.cfg.timeout = 0.05; answer = () => null }, /no answer in 0.05 seconds/],
}

for (const [name, [arrange, why]] of Object.entries(DOWN)) {
  for (const when of ['pass', 'defer']) {
    test(`${name}: ${when}`, async () => {
      plugin.shutdown()
      plugin = load({ socket: path.join(dir, 'http'), when_down: when })
      arrange(plugin)
      const c = client()
      assert.deepEqual(await run(c, 'connect'), []) // nobody is told to come back before there is a recipient
      greet(c, 'EHLO a')
      begin(c, '<a@b>')
      const [code, dsn] = await run(c, 'rcpt_ok', { original: '<c@d>' })
      if (when === 'pass') {
        assert.equal(code, undefined)
        assert.match(log.at(-1), /^error: helogate is down, the client is accepted \(rcpt\): /)
      } else {
        assert.equal(code, DENYSOFT)
        assert.equal(`${dsn.code} ${dsn.reply}`, '451 4.3.0 Temporary server failure, please try again later')
        assert.match(log.at(-1), /^error: helogate is down, the client is deferred \(rcpt\): /)
      }
      assert.match(log.at(-1), why)
      assert.match(c.results.all.at(-1).err, why)
      c.notes.auth_user = 'jane'
      assert.deepEqual(await run(c, 'rcpt_ok', { original: '<c@d>' }), []) // whom helogate lets in always
    })
  }
}

test('a connection that helogate has closed is no sign that it is down', async () => {
  assert.deepEqual(await run(client(), 'connect'), [])
  let n = 0
  answer = (res) => {
    if (n++ === 0) res.destroy() // as one that was closed while the request was on its way
    else return [200, verdict({ action: 'reject', reply: NO, headers: [] })]
  }
  assert.equal((await run(client(), 'connect'))[0], DENY)
  assert.deepEqual(log, [])
})

test('five hundred at once', async () => {
  const all = await Promise.all(Array.from({ length: 500 }, () => run(client(), 'connect')))
  assert.ok(all.every((args) => args.length === 0))
  assert.equal(asked.length, 500)
})

test('an address and a token', async () => {
  const tcp = http.createServer(server.listeners('request')[0])
  await new Promise((resolve) => tcp.listen(0, '127.0.0.1', resolve))
  fs.writeFileSync(path.join(dir, 'token'), '0123456789abcdef\n')
  plugin = load({ socket: '/nowhere', url: `http://127.0.0.1:${tcp.address().port}`, token_file: path.join(dir, 'token') })
  assert.deepEqual(await run(client(), 'connect'), [])
  assert.equal(asked[0].headers.authorization, 'Bearer 0123456789abcdef')
  plugin.shutdown()
  await new Promise((resolve) => tcp.close(resolve))
})

test('a wrong helogate.ini keeps Haraka from starting', () => {
  for (const [main, why] of [
    [{ sockt: '/x' }, /unknown setting sockt: the settings are socket, url, token_file, timeout, when_down/],
    [{ socket: '' }, /socket or url must be set/],
    [{ when_down: 'reject' }, /when_down must be pass or defer/],
    [{ timeout: 'long' }, /timeout must be a number of seconds/],
    [{ timeout: 0 }, /timeout must be a number of seconds/],
    [{ timeout: 30 }, /timeout is 30 seconds, and Haraka waits for 30 \(plugin_timeout\)/],
    [{ url: 'localhost:10044' }, /url must be http:\/\/ with host and port, without a path/],
    [{ url: 'https://localhost' }, /url must be http:\/\//],
    [{ url: 'http://localhost/v1/judge' }, /without a path/],
    [{ url: '127.0.0.1' }, /Invalid URL/],
    [{ token_file: '/nowhere/token' }, /ENOENT/],
  ]) assert.throws(() => load(main), why)
  assert.equal(load({}).cfg.where.socketPath, '/run/helogate/http')
})

test('a change of helogate.ini is taken, and a wrong one is not', async () => {
  plugin.ini = { socket: path.join(dir, 'http'), when_down: 'defer' }
  plugin.changed()
  assert.equal(plugin.cfg.when_down, 'defer')
  plugin.ini = { when_down: 'never' }
  plugin.changed()
  assert.equal(plugin.cfg.when_down, 'defer')
  assert.deepEqual(log, ['notice: helogate.ini was read again', 'error: helogate.ini is invalid and ignored: when_down must be pass or defer'])
  assert.deepEqual(await run(client(), 'connect'), [])
})

test('helogate.ini as it comes is in order', () => {
  const main = {}
  for (const line of fs.readFileSync(path.join(__dirname, '../config/helogate.ini'), 'utf8').split('\n')) {
    const set = /^(; )?(\w+) = (.*)$/.exec(line) // what is a comment there names settings, too
    if (set && set[2] !== 'token_file') main[set[2]] = set[3]
  }
  assert.deepEqual(Object.keys(main).sort(), ['socket', 'timeout', 'url', 'when_down'])
  assert.equal(load(main).cfg.timeout, 12)
})
