import type { ApiServer } from './api-server.ts';

/** Where our Service can be dialled without DNS, which may not be available yet. */
export interface OwnService {
  readonly host: string;
  /** The number of its port `https`. */
  readonly port: number;
  /** The server name that the API server asks for. */
  readonly servername: string;
}

export async function readOwnService(
  api: ApiServer,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<OwnService> {
  const { spec } = (await api.get(`/api/v1/namespaces/${namespace}/services/${name}`)) as Service;
  const host = addressOf(spec);
  const port = portOf({ spec });
  if (host === undefined || port === undefined) {
    throw new Error(`service ${namespace}/${name}: it has no address, or no port called https`);
  }
  return { host, port, servername: `${name}.${namespace}.svc` };
}

/** The number of the port `https`. */
export function portOf({ spec }: Service): number | undefined {
  return spec.ports?.find((each) => each.name === 'https')?.port;
}

/** Where a Service can be dialled; undefined where it has no address of its own. */
export function addressOf({
  type,
  externalName,
  clusterIP,
}: Pick<Service['spec'], 'type' | 'externalName' | 'clusterIP'>): string | undefined {
  const address = type === 'ExternalName' ? externalName : clusterIP;
  return address === 'None' ? undefined : address;
}

/** A Service (core/v1), as far as we read it. */
export interface Service {
  readonly metadata?: object;
  readonly spec: {
    readonly type?: string;
    readonly clusterIP?: string;
    readonly externalName?: string;
    readonly ports?: readonly { readonly name?: string; readonly port: number }[];
  };
}
