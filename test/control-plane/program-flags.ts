import { join } from 'node:path';
import { pkiFiles } from './pki.ts';

/** The programs of a control plane, in the order of their start. */
export const PROGRAMS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;

/** One of them. */
export type ProgramName = (typeof PROGRAMS)[number];

/** What the flags depend on. */
export interface FlagInput {
  readonly directory: string;
  readonly etcdPort: number;
  readonly apiServerPort: number;
  /** The kubeconfig of a program's own user. */
  readonly kubeconfig: (user: string) => string;
}

/** Flags that make the programs a control plane on 127.0.0.1. */
export const FLAGS: Readonly<Record<ProgramName, (input: FlagInput) => string[]>> = {
  etcd: ({ directory, etcdPort }) => [
    `--data-dir=${join(directory, 'etcd')}`,
    `--listen-client-urls=http://127.0.0.1:${etcdPort}`,
    `--advertise-client-urls=http://127.0.0.1:${etcdPort}`,
    '--listen-peer-urls=http://127.0.0.1:0',
    '--unsafe-no-fsync',
  ],
  'kube-apiserver': ({ directory, etcdPort, apiServerPort }) => {
    const pki = pkiFiles(directory);
    return [
      `--etcd-servers=http://127.0.0.1:${etcdPort}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--secure-port=${apiServerPort}`,
      '--endpoint-reconciler-type=none', // Endpoints refuse 127.0.0.1.
      '--allow-privileged=true',
      `--client-ca-file=${pki.authority}`,
      `--tls-cert-file=${pki.server}`,
      `--tls-private-key-file=${pki.key}`,
      `--service-account-key-file=${pki.publicKey}`,
      `--service-account-signing-key-file=${pki.key}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      '--service-cluster-ip-range=10.0.0.0/24',
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      `--audit-policy-file=${join(directory, 'audit-policy.json')}`,
      `--audit-log-path=${join(directory, 'audit.log')}`,
    ];
  },
  'kube-controller-manager': ({ directory, kubeconfig }) => [
    `--kubeconfig=${kubeconfig('system:kube-controller-manager')}`,
    '--secure-port=0',
    '--use-service-account-credentials',
    `--service-account-private-key-file=${pkiFiles(directory).key}`,
    `--root-ca-file=${pkiFiles(directory).authority}`,
    '--leader-elect=false',
    // Nobody renews node leases here: nodelifecycle would taint every Node after 40 seconds.
    '--controllers=*,-node-lifecycle-controller,-node-ipam-controller',
    '--kube-api-qps=200',
    '--kube-api-burst=400',
  ],
  'kube-scheduler': ({ kubeconfig }) => [
    `--kubeconfig=${kubeconfig('system:kube-scheduler')}`,
    '--secure-port=0',
    '--leader-elect=false',
  ],
};

/** Everything but leases, which change all the time, at one level, when it is answered. */
export function auditPolicy(level: string): object {
  return {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [
      { level: 'None', resources: [{ group: 'coordination.k8s.io', resources: ['leases'] }] },
      { level },
    ],
  };
}
