/** The version in `TLSv1.3 …`, as OpenTelemetry writes it (`1.3`); `none` for a connection in the clear. */
export function tlsVersion(tls: string | undefined): string {
  return tls === undefined ? 'none' : (/^TLSv(\d(?:\.\d)?)/.exec(tls)?.[1] ?? 'other')
}
