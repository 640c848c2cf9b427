/**
 * posthorn as it is published, which `npm run build` made. Run from its sources by tsx, every function it makes is given
 * a name first, which costs more than what many of them do.
 */
export function builtPackage(): Promise<typeof import('../../src/index.js')> {
  return import(new URL('../../dist/index.js', import.meta.url).href)
}
