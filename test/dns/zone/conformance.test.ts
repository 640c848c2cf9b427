import { describe, it } from 'vitest'
import { testResolver } from '../../../src/testing/conformance/resolver-conformance.js'

testResolver({ describe, it }, 'a zone', { create: zone => ({ resolver: zone }) })
