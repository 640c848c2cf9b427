/**
 * The direction of imports (docs/architecture.md): core is the floor, a contract imports core, a driver its
 * contract, the flow never a driver. Type-only imports count.
 */
const folder = name => `^src/${name}/`
const anyOf = names => `^src/(${names.join('|')})/`

/** Files that hold a contract and nothing else. */
const contracts =
  '^src/(dns/resolver|accounts/accounts|storage/[a-z-]+-storage|storage/storage|delivery/transport|queue/retry/retry-policy|routing/router|policy/policy|dsn/dsn|message/(message-source|parsed-message))\\.ts$'

/** What the drivers of DNS share: names, records, packets. */
const dnsVocabulary = '^src/dns/(authority|dns-name|packet|packet-bounds|record|record-resolver)\\.ts$'

/** What the drivers of storage share: listeners, the standing of entries, names, flags, an end. */
const storageVocabulary =
  '^src/storage/(change-listeners|choose-due|entry-standing|mailbox-names|message-flags|storage-lifetime)\\.ts$'

const drivers = ['dns/(system|wire|zone|server)', 'accounts/static', 'storage/(memory|sqlite|postgres)']
const servers = ['smtp-server', 'pop3', 'imap']

const only = (name, importer) => ({
  name: `${name}-has-one-importer`,
  comment: `${name} is imported by one file, so that it can be replaced there`,
  severity: 'error',
  from: { path: '^src/', pathNot: importer },
  to: { path: `^node_modules/${name}/` },
})

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'core-is-the-floor',
      severity: 'error',
      from: { path: folder('core') },
      to: { path: '^src/', pathNot: folder('core') },
    },
    {
      name: 'contract-imports-core-and-contracts',
      severity: 'error',
      from: { path: contracts },
      to: { path: '^src/', pathNot: [folder('core'), contracts] },
    },
    {
      name: 'message-imports-core',
      severity: 'error',
      from: { path: folder('message') },
      to: { path: '^src/', pathNot: anyOf(['core', 'message']) },
    },
    {
      name: 'smtp-vocabulary-imports-core',
      severity: 'error',
      from: { path: folder('smtp') },
      to: { path: '^src/', pathNot: anyOf(['core', 'smtp']) },
    },
    {
      name: 'driver-imports-its-contract-core-and-message',
      severity: 'error',
      from: { path: `^src/(${drivers.join('|')})/` },
      to: {
        path: '^src/',
        pathNot: [anyOf(['core', 'message']), contracts, '^src/$1/', dnsVocabulary, storageVocabulary],
      },
    },
    {
      name: 'flow-never-imports-a-driver',
      comment:
        'the entry, the whole host and the fronts of dns and accounts choose drivers; the flow gets them handed. A mail store or a queue that is given no storage has its own in memory',
      severity: 'error',
      from: {
        path: anyOf([
          'smtp-server',
          'policy',
          'routing',
          'store',
          'queue',
          'delivery',
          'dsn',
          'pop3',
          'imap',
        ]),
        pathNot: '^src/(store/create-mail-store|queue/create-delivery-queue)\\.ts$',
      },
      to: { path: `^src/(${drivers.join('|')})/` },
    },
    {
      name: 'only-the-host-imports-servers',
      severity: 'error',
      from: { path: anyOf(['delivery', 'dsn', 'store', 'queue', 'routing', 'policy']) },
      to: { path: anyOf(servers) },
    },
    {
      name: 'servers-are-apart',
      severity: 'error',
      from: { path: `^src/(${servers.join('|')})/` },
      to: { path: anyOf(servers), pathNot: '^src/$1/' },
    },
    {
      name: 'testing-is-for-tests',
      severity: 'error',
      from: { path: '^src/', pathNot: folder('testing') },
      to: { path: folder('testing') },
    },
    only('smtp-server', '^src/smtp-server/adapter'),
    only('mailparser', '^src/message/parse-message\\.ts$'),
    only('dns-packet', '^src/dns/packet\\.ts$'),
    only('mailauth', '^src/signing/load-mailauth\\.ts$'),
    only('@opentelemetry/api', '^src/otel/'),
    only('nodemailer', '^src/queue/compose-message\\.ts$'),
    {
      name: 'no-dev-dependency-in-src',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        // Optional peers are there twice, for the tests.
        dependencyTypesNot: ['npm-peer'],
        pathNot: '^node_modules/@types/',
      },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: '^src/index' },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'node', 'default'],
    },
  },
}
