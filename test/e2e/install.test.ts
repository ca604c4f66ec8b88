import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Json } from '../control-plane/api-client.ts';
import { startBalancer, type Balancer } from '../control-plane/balancer.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { definition } from './lib/cert-manager-kinds.ts';
import { describeWithControlPlane } from './lib/describe-with-control-plane.ts';
import { eventually } from '../lib/eventually.ts';
import { createOverlay, type OverlayOptions } from '../control-plane/overlay.ts';
import { startReplica, type Replica } from '../control-plane/replica.ts';
import { pod } from './lib/webhook.ts';

const NAMESPACE = 'sigma-admission';
const SECRET = `/api/v1/namespaces/${NAMESPACE}/secrets/sigma-admission-tls`;
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/sigma-admission';
const PODS = '/api/v1/namespaces/kube-system/pods';
const EACH_KIND =
  'namespaces,clusterroles,clusterrolebindings,validatingwebhookconfigurations,roles,rolebindings,serviceaccounts,configmaps,secrets,services,deployments,poddisruptionbudgets,networkpolicies,resourcequotas';

async function kubectl(controlPlane: ControlPlane, args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await controlPlane.kubectl(args);
  if (exitCode !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

async function withOverlay<T>(options: OverlayOptions, use: (directory: string) => Promise<T>): Promise<T> {
  const overlay = createOverlay(options);
  try {
    return await use(overlay.directory);
  } finally {
    overlay.remove();
  }
}

function apply(controlPlane: ControlPlane, options: OverlayOptions, ...flags: string[]): Promise<string> {
  return withOverlay(options, (directory) => kubectl(controlPlane, ['apply', '-k', directory, ...flags]));
}

/** Everything of ours that is in the cluster, but for what controllers say about it. */
async function installed(controlPlane: ControlPlane): Promise<readonly Json[]> {
  const selector = ['-A', '-l', 'app.kubernetes.io/part-of=sigma-admission'];
  const list = JSON.parse(await kubectl(controlPlane, ['get', EACH_KIND, ...selector, '-o', 'json'])) as Json;
  return (list['items'] as Json[]).map(({ status: _status, metadata, ...rest }) => {
    const { resourceVersion: _version, managedFields: _fields, ...kept } = metadata;
    return { ...rest, metadata: kept };
  });
}

describeWithControlPlane(
  'The manifests',
  (controlPlane) => {
    const definitions = ['Certificate', 'Issuer'].map(definition);
    beforeAll(async () => {
      await controlPlane.api('POST', '/api/v1/namespaces', { body: { metadata: { name: NAMESPACE } } });
      for (const input of definitions) await controlPlane.kubectl(['create', '-f', '-'], { input });
      await kubectl(controlPlane, ['wait', '--for=condition=Established', 'crd', '--all', '--timeout=20s']);
    });
    afterAll(async () => {
      for (const { metadata } of definitions) await kubectl(controlPlane, ['delete', 'crd', metadata.name]);
      await kubectl(controlPlane, ['delete', 'namespace', NAMESPACE]);
    });

    it.each(['audit', 'warn', 'enforce', 'cert-manager'])('%s is accepted', async (mode) => {
      const accepted = await apply(controlPlane, { of: `overlays/${mode}` }, '--dry-run=server');
      expect(accepted).toContain(
        'validatingwebhookconfiguration.admissionregistration.k8s.io/sigma-admission',
      );
    });

    it.each(['ca', 'none'] as const)(
      'manage-%s is accepted with the entries that are printed',
      async (manage) => {
        const options = { of: 'overlays/enforce', manage };
        const accepted = await apply(controlPlane, options, '--dry-run=server', '-o', 'json');
        const { items } = JSON.parse(accepted) as { items: readonly Json[] };
        const entries = items.find(({ kind }) => kind === 'ValidatingWebhookConfiguration')?.['webhooks'];
        expect(entries.map(({ name, failurePolicy }: Json) => [name.split('.')[0], failurePolicy])).toEqual([
          ['guard', 'Fail'],
          ['observe', 'Ignore'],
          ['other', 'Ignore'],
          ['other-observe', 'Ignore'],
          ['probe', 'Fail'],
          ['self', 'Ignore'],
        ]);
        const writes = items
          .flatMap(({ kind, rules = [] }) => (kind === 'ClusterRole' ? rules : []))
          .filter(({ resources }) => resources.includes('validatingwebhookconfigurations'))
          .flatMap(({ verbs }) => verbs);
        expect(writes).toEqual(manage === 'ca' ? ['get', 'update'] : ['get']);
      },
    );

    it('cert-manager goes with any mode, and takes our right to Secrets away', async () => {
      const options = { of: 'overlays/enforce', components: ['components/cert-manager'] };
      const accepted = await apply(controlPlane, options, '--dry-run=server', '-o', 'json');
      const { items } = JSON.parse(accepted) as { items: readonly Json[] };
      const rules = items.filter(({ kind }) => kind.endsWith('Role')).flatMap((role) => role['rules']);
      expect(rules.flatMap(({ resources }) => resources)).not.toContain('secrets');
    });
  },
  ['kube-controller-manager'],
);

/** Two rules: one that ships since the beginning, and one that knows what the name is like. */
const IMITATION = `Warning: Pod Imitates System Workload: pods kube-system/kube-proxy-bv61v by admin (Sigma 5f7d025b, high, T1036.005)
Warning: It imitates static pod kube-proxy: name kube-proxy-bv61v begins like those of static pod kube-proxy
`;
const WARNING =
  'Warning: Creation Of Pod In System Namespace: pods kube-system/kube-proxy-bv61v by admin (Sigma a80d927d, medium, T1036.005)\n';

describeWithControlPlane(
  'The tour',
  (controlPlane) => {
    let balancer: Balancer;
    let replicas: Replica[] = [];
    const overlay = (mode: string) => ({ of: `overlays/${mode}`, port: balancer.port });

    /** What the Deployment's rollout does: as many new replicas as old, then the old ones go. */
    async function rollOut(): Promise<void> {
      const old = replicas;
      replicas = await Promise.all([startReplica(controlPlane), startReplica(controlPlane)]);
      balancer.route(replicas.map(({ port }) => port));
      await Promise.all(old.map((replica) => replica.stop()));
    }
    const createPod = () =>
      controlPlane.kubectl(['create', '-f', '-'], { input: pod('kube-proxy-bv61v', 'kube-system') });
    const deletePod = () =>
      kubectl(controlPlane, ['-n', 'kube-system', 'delete', 'pod', 'kube-proxy-bv61v', '--force']);

    beforeAll(async () => {
      balancer = await startBalancer();
    });
    afterAll(async () => {
      await controlPlane.kubectl(['delete', 'validatingwebhookconfiguration', 'sigma-admission']);
      await controlPlane.kubectl(['delete', 'namespace', NAMESPACE]);
      await Promise.all(replicas.map((replica) => replica.stop()));
      await balancer.close();
    });

    it('installs everything with one command, and the pods are made under restricted pod security', async () => {
      await apply(controlPlane, overlay('warn'));
      await kubectl(controlPlane, [
        '-n',
        NAMESPACE,
        'rollout',
        'status',
        'deployment/sigma-admission',
        '--timeout=30s',
      ]);
      const pods = await kubectl(controlPlane, [
        '-n',
        NAMESPACE,
        'get',
        'pods',
        '-o',
        'jsonpath={.items[*].status.phase}',
      ]);
      expect(pods).toBe('Running Running');
    });

    it('makes one certificate, though two replicas begin at once, and both serve it', async () => {
      await rollOut();
      const [first, second] = await Promise.all(replicas.map((replica) => replica.fingerprint()));
      const { body: secret } = await controlPlane.api('GET', SECRET);
      const held = new X509Certificate(Buffer.from(secret['data']['tls.crt'], 'base64'));
      expect([first, second]).toEqual([held.fingerprint256, held.fingerprint256]);
      const made = replicas.flatMap(({ log }) =>
        log.filter(({ msg }) => msg.startsWith('certificates made')),
      );
      expect(made.map(({ msg }) => msg)).toEqual(['certificates made: it was empty']);
    });

    it('makes the API server trust it at every entry, and again when somebody undoes that', async () => {
      const { body: secret } = await controlPlane.api('GET', SECRET);
      const undone = [{ op: 'remove', path: '/webhooks/0/clientConfig/caBundle' }];
      const { status } = await eventually('it was trusted', async () => {
        const answer = await controlPlane.api('PATCH', WEBHOOKS, {
          body: undone,
          contentType: 'application/json-patch+json',
        });
        return answer.status === 200 && answer;
      });
      expect(status).toBe(200);
      const bundles = await eventually('every entry carries the CA', async () => {
        const { body } = await controlPlane.api('GET', WEBHOOKS);
        const found = body['webhooks'].map(({ clientConfig }: Json) => clientConfig.caBundle);
        return found.every((bundle: unknown) => bundle !== undefined) && (found as string[]);
      });
      expect(bundles).toEqual(bundles.map(() => secret['data']['ca.crt']));
    });

    it('warns who makes a pod in kube-system', async () => {
      await eventually('the API server asks', async () => {
        const { warnings } = await controlPlane.api('POST', `${PODS}?dryRun=All`, {
          body: pod('asked', 'kube-system'),
        });
        return warnings.length > 0;
      });
      const { stdout, stderr } = await createPod();
      expect({ stdout, stderr }).toEqual({
        stdout: 'pod/kube-proxy-bv61v created\n',
        stderr: IMITATION + WARNING,
      });
      await deletePod();
    });

    it('changes nothing when it is applied again', async () => {
      const before = await installed(controlPlane);
      await apply(controlPlane, overlay('warn'));
      expect(await installed(controlPlane)).toEqual(before);
      expect(
        before.map(
          ({ kind, metadata }) => `${kind} ${metadata.name.replace(/-[bcdfghkmt2456789]{10}$/, '')}`,
        ),
      ).toEqual([
        'Namespace sigma-admission',
        'ClusterRole sigma-admission',
        'ClusterRoleBinding sigma-admission',
        'ValidatingWebhookConfiguration sigma-admission',
        'Role sigma-admission-provenance',
        'Role sigma-admission',
        'RoleBinding sigma-admission-provenance',
        'RoleBinding sigma-admission',
        'ServiceAccount sigma-admission',
        'ConfigMap sigma-admission-config',
        'ConfigMap sigma-admission-filter-presets',
        'ConfigMap sigma-admission-filters',
        'ConfigMap sigma-admission-rules',
        'Secret sigma-admission-tls',
        'Service sigma-admission',
        'Deployment sigma-admission',
        'PodDisruptionBudget sigma-admission',
        'NetworkPolicy sigma-admission',
        'ResourceQuota sigma-admission-critical-pods',
      ]);
    });

    it('is applied by the server after the client without a conflict, and keeps its entries', async () => {
      const webhooks = async () => (await controlPlane.api('GET', WEBHOOKS)).body['webhooks'];
      const before = await webhooks();
      await apply(controlPlane, overlay('warn'), '--server-side');
      expect(await webhooks()).toEqual(before);
    });

    it('is sent all that the rules that ship are about, with nothing but that one command', async () => {
      const [replica] = replicas;
      expect(await replica?.readyz()).toContain('[+]coverage ok: rules asked: 15, in part: 0, never: 0');
      expect(await replica?.metrics()).toContain(
        'sigma_admission_rule_coverage{rule="e9ef1706-9fe5-4813-bb94-cc024c762db5",asked="all",wished="warn",mode="audit"} 1\n',
      );
    });

    it('refuses after the other mode is applied', async () => {
      await apply(controlPlane, overlay('enforce'));
      await rollOut();
      const denied = await eventually('the new replicas are asked', async () => {
        const outcome = await createPod();
        if (outcome.exitCode === 0) await deletePod();
        return outcome.exitCode !== 0 && outcome;
      });
      expect(denied.stderr).toBe(
        `${IMITATION}Error from server (Forbidden): error when creating "STDIN": admission webhook "guard.sigma-admission.svc" denied the request: Creation Of Pod In System Namespace: pods kube-system/kube-proxy-bv61v by admin (Sigma a80d927d, medium, T1036.005). To allow it, an administrator adds a Sigma filter for this user, or sets rule a80d927d-ac6e-443f-a867-e8d6e3897318 to warn.\n`,
      );
    });

    it('is gone with one command, and leaves nothing', async () => {
      await withOverlay(overlay('enforce'), (directory) =>
        kubectl(controlPlane, ['delete', '-k', directory]),
      );
      expect(await installed(controlPlane)).toEqual([]);
      const namespaces = await kubectl(controlPlane, ['get', 'namespaces', '-o', 'name']);
      expect(namespaces).not.toContain(NAMESPACE);
      const { stdout, stderr } = await createPod();
      expect({ stdout, stderr }).toEqual({ stdout: 'pod/kube-proxy-bv61v created\n', stderr: '' });
      await deletePod();
    });
  },
  ['kube-controller-manager', 'kube-scheduler'],
);
