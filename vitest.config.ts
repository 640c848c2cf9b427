import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^posthorn$/, replacement: source('./src/index.ts') },
      {
        find: /^posthorn\/testing\/conformance$/,
        replacement: source('./src/testing/conformance/index.ts'),
      },
      { find: /^posthorn\/import$/, replacement: source('./src/import/index.ts') },
      { find: /^posthorn\/sqlite$/, replacement: source('./src/storage/sqlite/index.ts') },
      { find: /^posthorn\/testing$/, replacement: source('./src/testing/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
})
