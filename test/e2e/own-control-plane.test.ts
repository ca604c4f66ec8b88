import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startControlPlane } from '../control-plane/control-plane.ts';
import type { OwnControlPlane } from '../control-plane/control-plane.ts';
import { describeWithPrograms } from './lib/describe-with-control-plane.ts';
import { eventually } from '../lib/eventually.ts';
import { startKubelets } from './lib/kubelet.ts';
import type { Kubelets } from './lib/kubelet.ts';

const PODS = '/api/v1/namespaces/default/pods';

describeWithPrograms('A control plane of its own', () => {
  describe('while it runs', () => {
    let controlPlane: OwnControlPlane;
    let kubelets: Kubelets;
    beforeAll(async () => {
      const without = ['kube-controller-manager', 'kube-scheduler'] as const;
      controlPlane = await startControlPlane({ without, auditLevel: 'Metadata' });
      kubelets = await startKubelets(controlPlane, ['own']);
    });
    afterAll(async () => {
      await kubelets.stop();
      await controlPlane.stop();
    });

    it('says which programs it has', () => {
      expect([controlPlane.has('etcd', 'kube-apiserver'), controlPlane.has('kube-scheduler')]).toEqual([
        true,
        false,
      ]);
    });

    it('logs at the level it was told', async () => {
      await create('logged');
      const event = await eventually('it is logged', () =>
        controlPlane.auditEvents().find(({ objectRef }) => objectRef?.name === 'logged'),
      );
      expect([event.level, event.requestObject]).toEqual(['Metadata', undefined]);
    });

    it.each(['kube-apiserver', 'etcd'] as const)(
      'keeps its objects while %s is restarted',
      async (program) => {
        await create(`before-${program}`);
        await controlPlane.stopProgram(program);
        const { exitCode } = await controlPlane.kubectl(['create', 'ns', program, '--request-timeout=2s']);
        await controlPlane.startProgram(program);
        await create(`after-${program}`);
        expect(exitCode).toBe(1);
        await eventually('the kubelet is back', async () => {
          const phases = await Promise.all(['before', 'after'].map((when) => phaseOf(`${when}-${program}`)));
          expect(phases).toEqual(['Running', 'Running']);
          return phases;
        });
      },
    );

    async function create(name: string): Promise<void> {
      const spec = { nodeName: 'own', containers: [{ name: 'c', image: 'registry.example/own:1' }] };
      const body = { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec };
      await eventually(`${name} is created`, async () => {
        const { status } = await controlPlane.api('POST', PODS, { body });
        return status === 201;
      });
    }

    async function phaseOf(name: string): Promise<string> {
      const { body } = await controlPlane.api('GET', `${PODS}/${name}`);
      return body['status'].phase;
    }
  });

  it('that cannot start says what the program said', async () => {
    const flags = { 'kube-apiserver': ['--no-such-flag'] };
    const error = await startControlPlane({ flags }).then(
      () => undefined,
      (reason: Error) => reason,
    );
    const [, directory = ''] = /files are in (\S+):/.exec(error?.message ?? '') ?? [];
    rmSync(directory, { recursive: true });
    expect(error?.message).toBe(
      `no control plane; its files are in ${directory}: kube-apiserver ended (exit code 1) before it was ready\n` +
        'Error: unknown flag: --no-such-flag',
    );
  });

  it('is gone soon after whoever started it was killed', async () => {
    const script =
      `import { startControlPlane } from ${JSON.stringify(join(import.meta.dirname, '../control-plane/control-plane.ts'))};` +
      'const { directory } = await startControlPlane();' +
      'console.log(directory);' +
      "process.kill(process.pid, 'SIGKILL');";
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [directory, [, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    expect(signal).toBe('SIGKILL');
    // The directory is removed when the last program has ended.
    await eventually('its directory is gone', () => !existsSync(directory.trim()));
  });
});
