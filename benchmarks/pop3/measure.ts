/** The client of the benchmark, in a process of its own: `measure.ts <messages> <port:pid of a server> …`. Tells by IPC. */
import { Pop3Client } from './client.js'
import { onOneProcessor } from './one-processor.js'
import { users } from './users.js'

/** Milliseconds of each step, each time it was done. */
export type Costs = Record<string, number[]>

const sessions = 5
/** Logins before each session. */
const logins = 4

const [messages, ...places] = process.argv.slice(2)
const count = Number(messages)
const servers = places.map(place => {
  const [port, pid] = place.split(':').map(Number)
  return { port: port ?? 0, pid: pid ?? 0, costs: {} as Costs }
})
type Server = (typeof servers)[number]

// The first session warms up; then the servers take turns.
for (let session = 0; session <= sessions; session++) {
  for (const server of servers) await serve(server, session)
}
process.send?.(servers.map(({ costs }) => costs))

/** Goes through one session, and notes what each step of it took. */
async function serve(server: Server, session: number): Promise<void> {
  const time = async (step: string, work: () => Promise<unknown>) => {
    const start = performance.now()
    await work()
    const cost = performance.now() - start
    if (session === 0 && step !== 'first login') return
    server.costs[step] ??= []
    server.costs[step].push(cost)
  }
  const logIn = async (step: string, user = users[0]) => {
    const client = await Pop3Client.connect(server.port)
    await time(step, async () => {
      for (const command of [`USER ${user}`, 'PASS secret', 'STAT']) await client.ask(`${command}\r\n`, false)
    })
    return client
  }
  if (session === 0) for (const user of users.slice(1)) await quit(await logIn('first login', user))
  else for (let times = 0; times < logins; times++) await quit(await logIn('later login'))
  const client = await logIn(session === 0 ? 'first login' : 'later login')
  const timeRoundTrips = (step: string, work: () => Promise<unknown>) =>
    onOneProcessor(server.pid, () => time(step, work))
  await timeRoundTrips('STAT, 10,000 times', async () => {
    for (let times = 0; times < 10_000; times++) await client.ask('STAT\r\n', false)
  })
  await time('UIDL', () => client.ask('UIDL\r\n', true))
  await timeRoundTrips('RETR one by one', async () => {
    for (let number = 1; number <= count; number++) await client.ask(`RETR ${number}\r\n`, true)
  })
  await time('RETR pipelined', () => pipelined(client, 'RETR', true))
  if (session < sessions) return quit(client)
  await time('DELE all and QUIT', async () => {
    await pipelined(client, 'DELE', false)
    await quit(client)
  })
}

async function quit(client: Pop3Client): Promise<void> {
  await client.ask('QUIT\r\n', false)
  await client.end()
}

async function pipelined(client: Pop3Client, verb: string, many: boolean): Promise<void> {
  for (let first = 1; first <= count; first += 100) {
    const numbers = Array.from({ length: Math.min(100, count - first + 1) }, (_, index) => first + index)
    await client.ask(numbers.map(number => `${verb} ${number}\r\n`).join(''), many, numbers.length)
  }
}
