'use strict'
// What a Haraka of the tests has beside helogate: its DNS is that of the tests, and each message becomes a file, whole.
const dns = require('node:dns')
const fs = require('node:fs')
const path = require('node:path')

exports.register = function () {
  dns.setServers([this.config.get('resolver').trim()])
}

exports.hook_queue = function (next, connection) {
  const { transaction } = connection
  const file = fs.createWriteStream(path.join(this.config.get('kept').trim(), transaction.uuid))
  file.on('finish', () => next(OK, `kept as ${transaction.uuid}`))
  transaction.message_stream.pipe(file)
}
