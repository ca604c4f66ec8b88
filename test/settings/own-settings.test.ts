import { expect, it } from '@jest/globals';
import { ownSettings } from '../../src/settings/own-settings.ts';

const pod = (config: string) => ({
  containers: [{ name: 'sigma-admission', args: ['serve', `--config=${config}`] }],
});

it('a pod of a review names any file, and only the settings file of this process is read, once', () => {
  const read: string[] = [];
  const settings = ownSettings(
    {
      argv: ['--config=ours.yaml'],
      env: {},
      readFile(path) {
        read.push(path);
        return 'mode: enforce';
      },
    },
    'sigma-admission',
  );
  const found = ['/dev/zero', '/proc/self/environ', 'ours.yaml'].map((path) => settings.withPod(pod(path)));
  expect(found).toMatchObject([
    { kind: 'problems', problems: ['its settings file /dev/zero cannot be read from here'] },
    { kind: 'problems', problems: ['its settings file /proc/self/environ cannot be read from here'] },
    { kind: 'read', modes: { default: 'enforce' } },
  ]);
  expect(read).toEqual(['ours.yaml']);
});
