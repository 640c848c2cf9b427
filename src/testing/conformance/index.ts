export {
  type AccountsConformanceOptions,
  type AccountsSubject,
  describeAccounts,
} from './accounts-conformance.js'
export {
  describeResolver,
  type ResolverConformanceOptions,
  type ResolverUnderTest,
} from './resolver-conformance.js'
export { describeStorage, type StorageConformanceOptions } from './storage-conformance.js'
export type { TestFunctions } from './test-functions.js'
