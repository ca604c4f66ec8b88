import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createAuthority, issueCertificate, servingNames } from '../../src/certificates/authority.ts';
import type { Json } from '../control-plane/api-client.ts';
import { startControlPlane, type OwnControlPlane } from '../control-plane/control-plane.ts';
import { startDeployment, type Deployment } from '../control-plane/deployment.ts';
import { runToEnd } from '../control-plane/kubectl.ts';
import { createOverlay, type OverlayOptions } from '../control-plane/overlay.ts';
import { eventually } from '../lib/eventually.ts';
import { definition } from './lib/cert-manager-kinds.ts';
import { startKubelets, type Kubelets } from './lib/kubelet.ts';
import { SHARED_CONTROL_PLANE } from './lib/shared-control-plane.ts';
import { describeWithPrograms } from './lib/describe-with-control-plane.ts';

const CONFIGURATION = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/sigma-admission';
const MAIN = join(import.meta.dirname, '../../src/main.ts');
const SOON_MS = 60_000;

/** What an audit log of any cluster has. */
const BY_CONTROLLER = {
  kind: 'Event',
  apiVersion: 'audit.k8s.io/v1',
  level: 'Metadata',
  auditID: 'a',
  stage: 'ResponseComplete',
  verb: 'create',
  user: {
    username: 'system:serviceaccount:kube-system:daemon-set-controller',
    uid: 'u',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
  },
  objectRef: { resource: 'pods', namespace: 'kube-system', apiVersion: 'v1' },
  responseStatus: { code: 201 },
};

describeWithPrograms(
  'install check finds nothing wrong, and nothing to warn of,',
  () => {
    let controlPlane: OwnControlPlane;
    let kubelets: Kubelets;
    let deployment: Deployment;
    const directory = mkdtempSync(join(tmpdir(), 'sigma-admission-ways-'));
    const log = join(directory, 'audit.log');

    beforeAll(async () => {
      writeFileSync(log, `${JSON.stringify(BY_CONTROLLER)}\n`);
      controlPlane = await startControlPlane();
      kubelets = await startKubelets(controlPlane, ['ways']);
      deployment = await startDeployment(controlPlane, 2);
    }, 120_000);
    afterEach(() => deployment.scaleToZero());
    afterAll(async () => {
      await deployment?.stop();
      await kubelets?.stop();
      await controlPlane?.stop();
      rmSync(directory, { recursive: true });
    }, 60_000);

    async function kubectl(args: readonly string[], input?: Json): Promise<void> {
      const { exitCode, stderr } = await controlPlane.kubectl(args, input === undefined ? {} : { input });
      if (exitCode !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
    }

    async function apply(options: OverlayOptions): Promise<void> {
      const overlay = createOverlay({ ...options, port: deployment.port });
      try {
        await kubectl(['apply', '-k', overlay.directory]);
      } finally {
        overlay.remove();
      }
    }

    async function check(flags: readonly string[]): Promise<readonly Json[]> {
      const args = [MAIN, 'install', 'check', '--format=json', `--audit-log=${log}`, ...flags];
      const env = { KUBECONFIG: controlPlane.kubeconfig(), [SHARED_CONTROL_PLANE]: '' };
      const { stdout, stderr } = await runToEnd(process.execPath, args, env);
      expect(stderr).toBe('');
      return (JSON.parse(stdout) as { findings: readonly Json[] }).findings;
    }

    /** The names of its checks, once none finds other than that all is ok. */
    async function findings(...flags: readonly string[]): Promise<readonly string[]> {
      return eventually(
        'all is ok',
        async () => {
          const found = await check(flags);
          expect(found.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
          return found.map(({ check }) => String(check));
        },
        SOON_MS,
      );
    }

    const CHECKS = [
      ...[
        'version',
        'configuration',
        'entries',
        'coverage',
        'conditions',
        'reachability',
        'certificate',
        'replicas',
        'mode',
      ],
      ...['break-glass', 'if-down', 'rights', 'owner', 'exclusion', 'other-webhooks', 'identities'],
    ];
    const uninstall = async (namespace: string) => {
      await kubectl(['delete', 'namespace', namespace]);
      await kubectl(['delete', 'validatingwebhookconfiguration', 'sigma-admission', '--ignore-not-found']);
    };

    describe.each(['warn', 'enforce'])('in %s,', (mode) => {
      afterEach(() => uninstall('sigma-admission'), 60_000);

      it('where the replicas manage the whole configuration', async () => {
        await apply({ of: `overlays/${mode}` });
        await deployment.replace();
        expect(await findings()).toEqual(CHECKS);
      }, 120_000);

      it('where its entries are in Git, as they were printed', async () => {
        await apply({ of: `overlays/${mode}`, manage: 'ca' });
        await deployment.replace();
        expect(await findings()).toEqual(CHECKS);
        const ready = await deployment.replicas[0]?.readyz();
        expect(ready).toContain('sigma-admission: as it should be');
      }, 120_000);
    });

    it('where cert-manager makes certificates and injects their authority', async () => {
      for (const kind of ['Certificate', 'Issuer']) await kubectl(['create', '-f', '-'], definition(kind));
      await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=20s']);
      await apply({ of: 'overlays/warn', components: ['components/cert-manager'], manage: 'none' });
      await actAsCertManager();
      await deployment.replace();
      expect(await findings()).toEqual(CHECKS);
      await uninstall('sigma-admission');
    }, 120_000);

    it('in another namespace, to which `manifests --release` follows, and says what kustomize broke there', async () => {
      await apply({ of: 'overlays/warn', namespace: 'security' });
      const rights = (await check(['--namespace=security'])).find(({ check: name }) => name === 'rights');
      expect(rights).toEqual({
        check: 'rights',
        verdict: 'failed',
        found: 'security/sigma-admission, our ServiceAccount, lacks rights that it needs',
        details: expect.arrayContaining([
          'get namespaces/security -n security: needed for being deleted with our namespace',
          'get daemonsets.apps -n kube-system: needed for finding the creator of a pod',
        ]),
        fix: 'apply what sigma-admission manifests --release --namespace security prints: kustomize’s `namespace` does not follow our names in rights',
      });
      await kubectl(['apply', '-f', '-'], await released('security'));
      await deployment.replace({ namespace: 'security' });
      expect(await findings('--namespace=security')).toEqual(CHECKS);
      await uninstall('security');
    }, 120_000);

    /** What `manifests --release` prints, with a Service that leads to this machine. */
    async function released(namespace: string): Promise<Json> {
      const args = [MAIN, 'manifests', '--release', `--namespace=${namespace}`];
      const { stdout, stderr } = await runToEnd(process.execPath, args, { [SHARED_CONTROL_PLANE]: '' });
      expect(stderr).toBe('');
      const port = { name: 'https', port: deployment.port };
      const items = (loadAll(stdout) as Json[]).map((object) =>
        object['kind'] === 'Service'
          ? { ...object, spec: { type: 'ExternalName', externalName: 'localhost', ports: [port] } }
          : object,
      );
      return { apiVersion: 'v1', kind: 'List', items };
    }

    /** Makes the Secret of its Certificate, and sets caBundle as its CA injector does. */
    async function actAsCertManager(): Promise<void> {
      const now = Date.now();
      const authority = await createAuthority({ now });
      const names = servingNames('sigma-admission', 'sigma-admission');
      const { certificatePem, keyPem } = await issueCertificate({ authority, ...names, now });
      const secret = {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'sigma-admission-cert-manager', namespace: 'sigma-admission' },
        type: 'kubernetes.io/tls',
        stringData: { 'tls.crt': certificatePem, 'tls.key': keyPem, 'ca.crt': authority.certificatePem },
      };
      await kubectl(['create', '-f', '-'], secret);
      const { body } = await controlPlane.api('GET', CONFIGURATION);
      const caBundle = Buffer.from(authority.certificatePem).toString('base64');
      const { status } = await controlPlane.api('PATCH', CONFIGURATION, {
        body: (body['webhooks'] as Json[]).map((_, index) => ({
          op: 'add',
          path: `/webhooks/${index}/clientConfig/caBundle`,
          value: caBundle,
        })),
        contentType: 'application/json-patch+json',
      });
      expect(status).toBe(200);
    }
  },
  ['kube-controller-manager', 'kube-scheduler'],
);
