import { agreementLease, readAgreement, type Agreement, type Lease } from '../registration/agreement.ts';
import { ApiError, ifThere, type ApiServer } from './api-server.ts';

export interface AgreementOptions {
  readonly api: Pick<ApiServer, 'get' | 'apply'>;
  /** Of the Lease. */
  readonly namespace: string;
  readonly name: string;
  /** This replica. */
  readonly holder: string;
  readonly onFailure: (error: Error) => void;
}

/**
 * The Lease in which the replicas agree. While it cannot be read or written, a replica knows what it said itself; whoever deletes
 * it has them begin anew.
 */
export interface SharedAgreement {
  read(): Promise<Agreement>;
  /** Rejects with 409 if another replica wrote it since it was read. */
  say(change: Agreement): Promise<void>;
}

export function followAgreement(options: AgreementOptions): SharedAgreement {
  const { api, namespace, name, holder, onFailure } = options;
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${name}`;
  let known: Agreement = {};
  let resourceVersion: string | undefined;
  let lastFailure: string | undefined;

  function failed(error: Error): void {
    if (error.message !== lastFailure) onFailure(error);
    lastFailure = error.message;
  }
  function learn(lease: Lease | undefined): void {
    known = readAgreement(lease ?? {});
    resourceVersion = lease?.metadata?.resourceVersion;
    lastFailure = undefined;
  }
  /** Another replica was first: the caller reads anew. */
  function notSaid(error: Error): void {
    if (error instanceof ApiError && error.status === 409) throw error;
    failed(error);
  }
  return {
    async read() {
      await ifThere(api.get(path)).then((lease) => learn(lease as Lease | undefined), failed);
      return known;
    },
    async say(change) {
      known = { ...known, ...change };
      const { metadata, ...spec } = agreementLease(known, holder);
      const version = resourceVersion === undefined ? {} : { resourceVersion };
      const lease = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, namespace, ...version, ...metadata },
        ...spec,
      };
      await api.apply(path, lease).then((written) => learn(written as Lease), notSaid);
    },
  };
}
