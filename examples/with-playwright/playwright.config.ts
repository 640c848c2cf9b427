import { defineConfig } from '@playwright/test'

// biome-ignore lint/style/noDefaultExport: Playwright Test reads its configuration so.
export default defineConfig({
  testMatch: '*.spec.ts',
  reporter: 'line',
  outputDir: '/tmp/posthorn-playwright',
  use: { launchOptions: { executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] } },
})
