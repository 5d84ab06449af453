// SHA-1 with its inner state at hand, as section 6 of proto/PROTOCOL.md needs it: Node's own
// hashes cannot be started from a state. A link is the state as 20 bytes, big-endian.
const LINK_0 = Buffer.from('67452301efcdab8998badcfe10325476c3d2e1f0', 'hex')
const BLOCK = 64
const words = new Int32Array(80)

function rotate (x, n) {
  return (x << n) | (x >>> (32 - n))
}

function compressBlock (state, bytes, at) {
  for (let i = 0; i < 16; i++) words[i] = bytes.readInt32BE(at + 4 * i)
  for (let i = 16; i < 80; i++) {
    words[i] = rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1)
  }
  let [a, b, c, d, e] = state
  for (let i = 0; i < 80; i++) {
    let f
    if (i < 20) f = ((b & c) | (~b & d)) + 0x5a827999
    else if (i < 40) f = (b ^ c ^ d) + 0x6ed9eba1
    else if (i < 60) f = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
    else f = (b ^ c ^ d) + 0xca62c1d6
    const next = (rotate(a, 5) + f + e + words[i]) | 0
    e = d
    d = c
    c = rotate(b, 30)
    b = a
    a = next
  }
  state[0] += a
  state[1] += b
  state[2] += c
  state[3] += d
  state[4] += e
}

// The link after `bytes`, whole blocks of 64.
function compress (link, bytes) {
  const state = new Int32Array(5)
  for (let i = 0; i < 5; i++) state[i] = link.readInt32BE(4 * i)
  for (let at = 0; at + BLOCK <= bytes.length; at += BLOCK) compressBlock(state, bytes, at)
  const out = Buffer.alloc(20)
  for (let i = 0; i < 5; i++) out.writeInt32BE(state[i], 4 * i)
  return out
}

// The SHA-1 of a file of `size` bytes whose last chunk is `bytes`, from the link before it.
function finish (link, bytes, size) {
  const padded = Buffer.alloc(Math.ceil((bytes.length + 9) / BLOCK) * BLOCK)
  bytes.copy(padded)
  padded[bytes.length] = 0x80
  padded.writeBigUInt64BE(BigInt(size) * 8n, padded.length - 8)
  return compress(link, padded)
}

module.exports = { LINK_0, compress, finish }
