// Section 8 of proto/PROTOCOL.md, read from the page itself, against the JavaScript peer's own
// derivations, codecs and links. argv: PROTOCOL.md
const assert = require('assert').strict
const crypto = require('crypto')
const fs = require('fs')
const c = require('compact-encoding')
const sha1 = require('./sha1')
const wire = require('./wire')

const page = fs.readFileSync(process.argv[2], 'utf8').split('## 8. Worked examples')[1]
const examples = new Map()
for (const [, title, hex] of page.matchAll(/^(\S.*?) {2,}([0-9a-f]+)$/gm)) examples.set(title, hex)

function example (title) {
  assert(examples.has(title), 'the page has no example: ' + title)
  const hex = examples.get(title)
  examples.delete(title)
  return hex
}

const key = wire.channelKey('our-lab')
const handshakeHash = Buffer.from(Array.from({ length: 64 }, (_, i) => i))
const secrets = {
  channel_key: key,
  topic: wire.topic(key),
  lookup_id: wire.lookupId(key, handshakeHash),
  'proof(initiator)': wire.proof(key, handshakeHash, true),
  'proof(responder)': wire.proof(key, handshakeHash, false)
}
for (const [title, value] of Object.entries(secrets)) assert.equal(value.toString('hex'), example(title), title)

const request = Buffer.from(Array.from({ length: 16 }, (_, i) => 16 + i))
const abc = Buffer.from('abc')
const file = crypto.createHash('sha1').update(abc).digest()
const node = Buffer.alloc(32, 7)
const { lookupMessages: lookup, transferMessages: transfer } = wire
const messages = [
  ['seeking, hops 4', lookup.seeking, { request, file, hops: 4 }],
  ['providing, 3000000 bytes, complete', lookup.providing, { request, file, size: 3000000, node, flags: 1 }],
  ['lacking', lookup.lacking, { request }],
  ['open, id 1', transfer.open, { id: 1, file }],
  ['opened, id 1, 3000000 bytes, complete', transfer.opened, { id: 1, size: 3000000, flags: 1, have: null }],
  ['opened, id 1, 3000000 bytes, has chunks 1 and 2', transfer.opened, { id: 1, size: 3000000, flags: 0, have: Buffer.from([6]) }],
  ['data, id 1, chunk 0, "abc" with link 0', transfer.data, { id: 1, index: 0, offset: 0, encoding: 0, link: sha1.FIRST_LINK, bytes: abc }],
  ['data, id 1, chunk 2, offset 65536, bytes aa bb cc', transfer.data, { id: 1, index: 2, offset: 65536, encoding: 0, link: null, bytes: Buffer.from('aabbcc', 'hex') }],
  ['opened, id 1, 3000000 bytes, complete, the last chunk follows', transfer.opened, { id: 1, size: 3000000, flags: 5, have: null }],
  ['want last, id 1', wire.wantLast, { id: 1 }],
  ['unproven, id 1, chunk 300', wire.unproven, { id: 1, index: 300 }],
  ['opened, id 1, 3000000 bytes, complete, gives files', transfer.opened, { id: 1, size: 3000000, flags: 9, have: null }],
  ['get files, id 1, "abc" twice', wire.getFiles, { id: 1, files: [file, file] }],
  ['file, id 1, the first, "abc"', wire.wholeFile, { id: 1, number: 0, size: 3, encoding: 0, bytes: abc }],
  ['file, id 1, the second, not in this way', wire.wholeFile, { id: 1, number: 1, size: 0 }],
  ['refused, id 1, not found', transfer.refused, { id: 1, code: wire.REFUSAL.notFound }]
]
// One that is no more than a row of numbers says them in its title.
const numbers = { id: 'id', chunk: 'index' }
for (const title of examples.keys()) {
  const [name, ...fields] = title.split(', ')
  if (messages.some(row => row[0] === title) || !transfer[name]) continue
  messages.push([title, transfer[name], Object.fromEntries(fields.map(field => {
    const [word, number] = field.split(' ')
    return [numbers[word], Number(number)]
  }))])
}
for (const [title, encoding, message] of messages) {
  const hex = example(title)
  const bytes = Buffer.from(hex, 'hex')
  assert.equal(Buffer.from(c.encode(encoding, message)).toString('hex'), hex, title)
  assert.deepEqual(c.decode(encoding, bytes), message, title)
  const fixedBytes = bytes.length - (message.bytes || '').length
  for (let n = 0; n < fixedBytes; n++) {
    assert.throws(() => c.decode(encoding, bytes.subarray(0, n)), undefined, title + ', cut to ' + n)
  }
  if (!message.bytes) {
    assert.deepEqual(c.decode(encoding, Buffer.concat([bytes, abc])), message, title + ', with more behind')
  }
}
assert.deepEqual([...examples.keys()], [], 'examples that nothing here checks')
assert.throws(() => c.decode(transfer.get, Buffer.from('01ffffffffffffffffff', 'hex')))

for (const name of ['', 'x'.repeat(201), 'a\nb', 'a\x7fb']) assert.throws(() => wire.channelKey(name))

assert.equal(sha1.sha1After(sha1.FIRST_LINK, abc, 3).toString('hex'), file.toString('hex'))
for (const size of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1048575, 1048576, 1048577, 3145728]) {
  const bytes = crypto.createHash('shake256', { outputLength: size }).update('' + size).digest()
  const { sha1: whole, links } = sha1.linksOf(bytes)
  assert.equal(whole.toString('hex'), crypto.createHash('sha1').update(bytes).digest('hex'), 'SHA-1 of ' + size + ' bytes')
  assert.equal(links.length, sha1.chunkCount(size))
}
