/** How clients reach one protocol of a test mail. */
export interface ServiceSettings {
  /** Where it listens: `127.0.0.1`, unless the option `host` says otherwise. */
  readonly host: string
  /** Encryption by STARTTLS or STLS, where the client asks for it. */
  readonly port: number
  /** Encrypted from the start. */
  readonly securePort: number
  /** `smtp://127.0.0.1:49152`. */
  readonly url: string
  /** `smtps://127.0.0.1:49153`. */
  readonly secureUrl: string
}

/** How clients reach the SMTP server of a test mail. */
export interface SmtpSettings extends ServiceSettings {
  /** Ready for `nodemailer.createTransport`: STARTTLS with the certificate of the test mail, a user who may log in. */
  readonly settings: NodemailerSettings
  /** The same, encrypted from the start. */
  readonly secureSettings: NodemailerSettings
}

/** The options of nodemailer's SMTP transport that a test needs, and those of other clients by the same names. */
export interface NodemailerSettings {
  host: string
  port: number
  secure: boolean
  auth: { user: string; pass: string }
  tls: { ca: string }
}

/** A user that a test mail knows, or takes for known. */
export interface TestUser {
  readonly user: string
  readonly password: string
}

/** How a server is reached that listens on `host`: one that does so on all addresses, on loopback. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

/** A host as URLs have it (RFC 3986 §3.2.2). */
export function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** The settings of one protocol. */
export function serviceSettings(
  scheme: 'smtp' | 'pop3',
  host: string,
  port: number,
  securePort: number,
): ServiceSettings {
  return {
    host,
    port,
    securePort,
    url: `${scheme}://${urlHost(host)}:${port}`,
    secureUrl: `${scheme}s://${urlHost(host)}:${securePort}`,
  }
}

/** What nodemailer takes. */
export function smtpSettings(
  service: ServiceSettings,
  { user, password }: TestUser,
  ca: string,
): SmtpSettings {
  const common = { host: service.host, auth: { user, pass: password }, tls: { ca } }
  return {
    ...service,
    settings: { ...common, port: service.port, secure: false },
    secureSettings: { ...common, port: service.securePort, secure: true },
  }
}

/**
 * Settings as environment variables, for an app that is configured by them or runs as a process of its own.
 * @param caFile - where the certificate is that Node.js is to trust; that variable has no prefix
 */
export function environment(
  smtp: SmtpSettings,
  pop3: ServiceSettings,
  { prefix, caFile }: { prefix: string; caFile: string },
): Record<string, string> {
  const { user, pass } = smtp.settings.auth
  const values = {
    SMTP_HOST: smtp.host,
    SMTP_PORT: String(smtp.port),
    SMTPS_PORT: String(smtp.securePort),
    SMTP_USER: user,
    SMTP_PASSWORD: pass,
    SMTP_URL: `smtp://${encodeURIComponent(user)}:${encodeURIComponent(pass)}@${urlHost(smtp.host)}:${smtp.port}`,
    POP3_HOST: pop3.host,
    POP3_PORT: String(pop3.port),
    POP3S_PORT: String(pop3.securePort),
  }
  const prefixed = Object.entries(values).map(([name, value]) => [`${prefix}${name}`, value])
  return { ...Object.fromEntries(prefixed), NODE_EXTRA_CA_CERTS: caFile }
}
