import { defineConfig } from 'vitest/config'

// biome-ignore lint/style/noDefaultExport: Vitest reads its configuration so.
export default defineConfig({ test: { include: ['**/*.test.ts'] } })
