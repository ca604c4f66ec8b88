import type { ApiServer } from './api-server.ts';

/** Where our Service is to be dialled: without DNS, which may not be up yet. */
export interface OwnService {
  readonly host: string;
  /** What its port `https` is. */
  readonly port: number;
  /** What the API server asks of the certificate. */
  readonly servername: string;
}

export async function readOwnService(
  api: ApiServer,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<OwnService> {
  const { spec } = (await api.get(`/api/v1/namespaces/${namespace}/services/${name}`)) as Service;
  const host = spec.type === 'ExternalName' ? spec.externalName : spec.clusterIP;
  const port = spec.ports?.find((each) => each.name === 'https')?.port;
  if (host === undefined || host === 'None' || port === undefined) {
    throw new Error(`service ${namespace}/${name}: it has no address, or no port called https`);
  }
  return { host, port, servername: `${name}.${namespace}.svc` };
}

/** A Service (core/v1), as far as we read it. */
interface Service {
  readonly spec: {
    readonly type?: string;
    readonly clusterIP?: string;
    readonly externalName?: string;
    readonly ports?: readonly { readonly name?: string; readonly port: number }[];
  };
}
