/** The functions of a test runner that a suite calls: those of `node:test`, Vitest, Jest and Mocha fit as they are. */
export interface TestFunctions {
  /** Groups the tests that `define` declares. */
  describe(name: string, define: () => void): unknown
  /** Declares a test. */
  it(name: string, run: () => Promise<void>): unknown
}
