'use strict'
// This plugin asks helogate about each client over HTTP, and does what the answer says. See README.md.
//
// Each hook sends what the client has shown so far. The answer says what to do now: continue, defer, reject or drop. There is
// no permit: if helogate has no objection, Haraka runs its next plugin.

const fs = require('node:fs')
const http = require('node:http')
const net = require('node:net')
const url = require('node:url')

const DEFAULTS = { socket: '/run/helogate/http', url: '', token_file: '', timeout: 12, when_down: 'pass' }

// Longer than any SMTP line should be. Four such texts are within the 64 KiB that helogate accepts, even if every character is
// escaped: no client can avoid a verdict by sending long text.
const MAX_TEXT = 2048

// Less than the two minutes after which helogate closes an idle connection.
const IDLE_MS = 60 * 1000

const DO = ['continue', 'defer', 'reject', 'drop']

exports.register = function () {
  this.load() // an error here prevents Haraka from starting, as it should
  this.register_hook('connect', 'ask_connect')
  this.register_hook('helo', 'ask_helo')
  this.register_hook('ehlo', 'ask_helo')
  this.register_hook('mail', 'ask_mail')
  // Not rcpt: there the first plugin that knows the recipient ends the hook. rcpt_ok runs after it, for accepted recipients,
  // which are the only ones worth a lookup.
  this.register_hook('rcpt_ok', 'ask_rcpt')
  this.register_hook('data_post', 'add_headers')
}

// load reads helogate.ini, and again when it changes. An invalid file is an error at the start; later it changes nothing.
exports.load = function () {
  const read = () => this.config.get('helogate.ini', () => {
    try {
      this.use(read())
      this.lognotice('helogate.ini was read again')
    } catch (err) {
      this.logerror(`helogate.ini is invalid and ignored: ${err.message}`)
    }
  })
  this.use(read())
}

exports.use = function (ini) {
  const cfg = settings(ini.main || {})
  if (this.timeout && cfg.timeout >= this.timeout) {
    throw new Error(`timeout is ${cfg.timeout} seconds, and Haraka waits for ${this.timeout} (plugin_timeout): make it less`)
  }
  if (this.agent) this.agent.destroy() // requests under way fail as if helogate were down
  this.cfg = cfg
  this.agent = new http.Agent({ keepAlive: true, timeout: IDLE_MS })
}

// settings returns the checked settings of helogate.ini. It throws what is wrong.
function settings (main) {
  for (const name of Object.keys(main)) {
    if (!(name in DEFAULTS)) throw new Error(`unknown setting ${name}: the settings are ${Object.keys(DEFAULTS).join(', ')}`)
  }
  const cfg = { ...DEFAULTS, ...main }
  cfg.timeout = Number(cfg.timeout)
  if (!(cfg.timeout > 0)) throw new Error('timeout must be a number of seconds')
  if (!['pass', 'defer'].includes(cfg.when_down)) throw new Error('when_down must be pass or defer')
  cfg.where = { path: '/v1/judge', headers: { 'Content-Type': 'application/json' } }
  if (cfg.url) {
    const at = new url.URL(String(cfg.url)) // throws if it is invalid
    if (at.protocol !== 'http:' || at.pathname !== '/') throw new Error('url must be http:// with host and port, without a path')
    cfg.where.host = at.hostname.replace(/^\[|\]$/g, '')
    cfg.where.port = at.port || 80
  } else {
    if (!cfg.socket) throw new Error('socket or url must be set')
    cfg.where.socketPath = String(cfg.socket)
  }
  if (cfg.token_file) {
    cfg.where.headers.Authorization = `Bearer ${fs.readFileSync(String(cfg.token_file), 'utf8').trim()}`
  }
  return cfg
}

exports.shutdown = function () {
  if (this.agent) this.agent.destroy()
}

exports.ask_connect = function (next, connection) {
  this.judge(next, connection, 'connect')
}

exports.ask_helo = function (next, connection) {
  // Haraka cuts the HELO name at the first space. helogate gets the whole argument.
  const line = /^(?:HELO|EHLO) +(.*?) *$/is.exec(connection.current_line || '')
  const host = connection.hello.host
  connection.notes.helogate_helo = { host, whole: line && line[1].startsWith(host) ? line[1] : host }
  this.judge(next, connection, 'helo')
}

exports.ask_mail = function (next, connection) {
  this.judge(next, connection, 'mail')
}

exports.ask_rcpt = function (next, connection, rcpt) {
  this.judge(next, connection, 'rcpt', rcpt)
}

// judge asks about a client, and calls next.
exports.judge = function (next, connection, stage, rcpt) {
  const login = connection.notes.auth_user
  if (connection.relaying && !login) return next() // may relay by Haraka's own settings
  if (!net.isIP(connection.remote.ip || '')) return next()
  this.ask(facts(connection, stage, rcpt), (err, verdict) => {
    if (err) this.down(next, connection, stage, err)
    else this.answer(next, connection, stage, verdict)
  })
}

// facts returns what the client has shown so far, as in helogate's docs/openapi.yaml.
function facts (connection, stage, rcpt) {
  const f = { stage, client: connection.remote.ip, session: `haraka ${connection.uuid}` }
  const { ip, port } = connection.local
  if (net.isIP(ip || '') && port > 0) f.server = net.isIPv6(ip) ? `[${ip}]:${port}` : `${ip}:${port}`
  if (connection.notes.auth_user) f.auth = text(connection.notes.auth_user)
  if (stage === 'connect') return f
  const { verb, host } = connection.hello
  const said = connection.notes.helogate_helo
  f.verb = text(verb)
  f.helo = text(said && said.host === host ? said.whole : host) // XCLIENT may have changed it
  if (stage === 'helo') return f
  f.sender = envelope(connection.transaction.mail_from)
  if (stage === 'rcpt') f.recipient = envelope(rcpt)
  return f
}

function text (s) {
  return String(s || '').slice(0, MAX_TEXT)
}

// envelope returns an address as it came, without < and >.
function envelope (address) {
  return text(String(address.original || '').trim().replace(/^<(.*)>$/s, '$1'))
}

// ask calls back with an error, or with helogate's answer to the facts.
exports.ask = function (facts, callback) {
  const body = Buffer.from(JSON.stringify(facts))
  const { where, timeout } = this.cfg
  const { agent } = this
  let req
  let done = false
  const end = (err, verdict) => {
    if (done) return
    done = true
    clearTimeout(late)
    callback(err, verdict)
  }
  const late = setTimeout(() => {
    end(new Error(`no answer in ${timeout} seconds`))
    req.destroy()
  }, timeout * 1000)
  const send = (mayRetry) => {
    let answered = false
    req = http.request({ ...where, method: 'POST', agent: mayRetry ? agent : false, headers: { ...where.headers, 'Content-Length': body.length } })
    req.on('error', (err) => {
      // helogate may have closed an idle connection: that does not mean that it is down.
      if (mayRetry && req.reusedSocket && !answered && !done) return send(false)
      end(err)
    })
    req.on('response', (res) => {
      answered = true
      const parts = []
      res.on('data', (part) => parts.push(part))
      res.on('error', end)
      res.on('end', () => end(...read(res.statusCode, Buffer.concat(parts).toString())))
    })
    req.end(body)
  }
  send(true)
}

// read parses an answer and returns an error or a verdict. Only the status 200 says anything about a client.
function read (status, body) {
  let verdict
  try {
    verdict = JSON.parse(body)
  } catch (err) {
    if (status === 200) return [new Error(`the answer is not JSON: ${err.message}`)]
  }
  if (status !== 200) return [new Error(`it answers ${status}: ${text((verdict && verdict.error) || body).trim()}`)]
  const now = verdict && verdict.now
  if (!now || !DO.includes(now.action) || (now.action !== 'continue' && !now.reply)) return [new Error('the answer does not say what to do')]
  return [null, verdict]
}

// answer does what the verdict says.
exports.answer = function (next, connection, stage, verdict) {
  const { now, id, action, by } = verdict
  const { transaction } = connection
  connection.notes.helogate = verdict
  const results = (transaction && transaction.results) || connection.results
  const found = { id, stage, action, by }
  if (now.action === 'continue') {
    if (stage === 'rcpt' && transaction) transaction.notes.helogate = verdict // for add_headers
    results.add(this, { ...found, pass: stage })
    return next()
  }
  results.add(this, { ...found, fail: `${stage}: ${by || action}` })
  const reply = new DSN(now.reply)
  switch (now.action) {
    case 'defer': return next(DENYSOFT, reply)
    case 'drop': return next(DENYDISCONNECT, reply)
    default: return next(DENY, reply)
  }
}

// down handles a client without a verdict. Clients are deferred only at RCPT, since helogate may be up again by then. A client
// that has logged in is accepted, as helogate would.
exports.down = function (next, connection, stage, err) {
  const defer = this.cfg.when_down === 'defer' && stage === 'rcpt' && !connection.notes.auth_user
  const becomes = defer ? 'deferred' : 'accepted'
  connection.logerror(this, `helogate is down, the client is ${becomes} (${stage}): ${err.message || err.code}`)
  connection.results.add(this, { err: `${stage}: ${err.message || err.code}` })
  if (!defer) return next()
  next(DENYSOFT, new DSN({ code: 451, enhanced: '4.3.0', text: 'Temporary server failure, please try again later' }))
}

// A DSN is a reply with its own code. Haraka recognises the class by its name, as that of haraka-dsn.
class DSN {
  constructor ({ code, enhanced, text }) {
    this.code = code
    this.msg = text
    this.reply = `${enhanced} ${text}`
  }

  toString () { return this.reply } // in Haraka's log
}

// add_headers adds the fields of the last accepted recipient. Authentication results go into Haraka's own field, which would
// replace another.
exports.add_headers = function (next, connection) {
  const { transaction } = connection
  const verdict = transaction && transaction.notes.helogate
  for (const { name, value } of verdict ? verdict.now.headers.slice().reverse() : []) {
    if (name.toLowerCase() !== 'authentication-results') {
      transaction.add_leading_header(name, value)
      continue
    }
    const results = value.slice(value.indexOf(';') + 1).trim()
    if (results !== 'none') connection.auth_results(results)
  }
  next()
}
