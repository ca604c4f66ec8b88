/** What a serving certificate must be valid for. */
export interface ServingNames {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

/** From this machine, and from an API server through a Service of that name. */
export function servingNames(service = 'sigma-admission', namespace = 'sigma-admission'): ServingNames {
  const name = `${service}.${namespace}.svc`;
  return { dnsNames: ['localhost', name, `${name}.cluster.local`], ipAddresses: ['127.0.0.1', '::1'] };
}
