import { once } from 'node:events'
import net from 'node:net'

/** A TCP port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Resolves once a server listens. */
export async function waitForPort(port: number, patience = 15_000): Promise<void> {
  for (const end = performance.now() + patience; ; ) {
    const socket = net.connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch (thrown) {
      if (performance.now() > end) throw thrown
      await new Promise(resolve => setTimeout(resolve, 100))
    } finally {
      socket.destroy()
    }
  }
}
