// What the DHT scripts share: a node of ours as a child process, checks, and an end to everything.
const { spawn } = require('child_process')
const readline = require('readline')

const children = []
let failures = 0

function check (condition, what) {
  console.log((condition ? 'ok      ' : 'FAILED  ') + what)
  if (!condition) failures++
}

// A child that says JSON lines on stdout.
class Child {
  constructor (executable, args) {
    this.child = spawn(executable, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.ended = new Promise(resolve => this.child.once('exit', resolve))
    this.lines = readline.createInterface({ input: this.child.stdout })[Symbol.asyncIterator]()
    children.push(this)
  }

  async line () {
    const { value, done } = await this.lines.next()
    if (done) throw new Error('the child has ended')
    return JSON.parse(value)
  }

  async stop () {
    this.child.stdin.end()
    return this.ended
  }

  async signal (name) {
    this.child.kill(name)
    return this.ended
  }
}

class Ours extends Child {
  static async start (executable, bootstrap, ...more) {
    const node = new Ours(executable, [bootstrap, '127.0.0.1', ...more])
    await node.line()
    return node
  }

  async do (command) {
    this.child.stdin.write(command + '\n')
    const answer = await this.line()
    if (answer.error) throw new Error(command + ': ' + answer.error)
    return answer
  }
}

function run (main) {
  main(...process.argv.slice(2)).catch(error => {
    console.error(error)
    failures++
  }).finally(() => {
    for (const child of children) child.child.kill('SIGKILL')
    process.exit(failures ? 1 : 0)
  })
}

const hex = byte => Buffer.alloc(32, byte).toString('hex')
const topic = byte => Buffer.alloc(32, 0xa0 + byte).toString('hex')

module.exports = { check, Child, Ours, run, hex, topic }
