import { describe, it } from 'vitest'
import { describeResolver } from '../../../src/testing/conformance/resolver-conformance.js'

describeResolver({ describe, it, create: zone => ({ resolver: zone }) })
