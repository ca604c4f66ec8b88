import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { connectToCluster } from '../../src/cluster/api-server.ts';
import { kubeconfigOf } from '../../src/cluster/kubeconfig.ts';

const directory = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, content: object | string): string {
  const path = join(directory, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const cluster = (name: string, port: number) => ({ name, cluster: { server: `https://127.0.0.1:${port}` } });
const context = (name: string, of: string) => ({ name, context: { cluster: of, user: 'jane' } });
const JANE = { name: 'jane', user: { token: 'secret' } };

/** Why the API server that $KUBECONFIG chooses does not answer: nothing listens on ports this low. */
async function failure(KUBECONFIG: string): Promise<string> {
  const env = { KUBECONFIG };
  try {
    const api = await connectToCluster({ kubeconfig: kubeconfigOf(undefined, env), env });
    await api.get('/version');
  } catch (error) {
    const { name, message } = error as Error;
    return `${name}: ${message.replaceAll(`${directory}/`, '')}`;
  }
  throw new TypeError('nothing can have answered');
}

const refused = (port: number) => `Error: connect ECONNREFUSED 127.0.0.1:${port}`;

describe('the cluster', () => {
  it.each<[string, string | undefined, Readonly<Record<string, string>>, readonly string[] | undefined]>([
    ['that was named', 'a', { KUBECONFIG: 'b', KUBERNETES_SERVICE_HOST: 'c' }, ['a']],
    ['of $KUBECONFIG', undefined, { KUBECONFIG: ':b::c', KUBERNETES_SERVICE_HOST: 'c' }, ['b', 'c']],
    ['of the pod', undefined, { KUBERNETES_SERVICE_HOST: 'c' }, undefined],
    ['of ~/.kube/config', undefined, { KUBECONFIG: '' }, [join(homedir(), '.kube/config')]],
  ])('is that %s', (_, named, env, files) => {
    expect(kubeconfigOf(named, env)).toEqual(files);
  });
});

describe('$KUBECONFIG', () => {
  const contexts = file('contexts', { 'current-context': 'two', contexts: [context('two', 'two')] });
  const clusters = file('clusters', {
    'current-context': 'one',
    clusters: [cluster('one', 1), cluster('two', 2)],
    contexts: [context('one', 'one'), context('two', 'one')],
    users: [JANE],
  });
  const others = file('others', { clusters: [cluster('two', 3)], contexts: [], users: [JANE] });

  it('is merged as kubectl merges it: of two of one name, and of two current contexts, the first counts', async () => {
    expect(await failure(`${contexts}:${clusters}:${others}`)).toBe(refused(2));
    expect(await failure(`${contexts}:${others}:${clusters}`)).toBe(refused(3));
    expect(await failure(`${clusters}:${contexts}`)).toBe(refused(1));
  });

  it('may name files that are not there, as long as one is', async () => {
    expect(await failure(`no:${clusters}`)).toBe(refused(1));
    expect(await failure('no:none')).toBe('Error: no:none: no such file');
  });

  it.each([
    ['', 'Error: bad: not a kubeconfig: expected a document, but the input is empty'],
    ['- a', 'Error: bad: its current context names no cluster'],
    ['{', 'Error: bad: not a kubeconfig: unexpected end of the stream within a flow collection'],
    ['contexts: [{context: {}}]', 'Error: bad: not a kubeconfig: '],
    ['current-context: none', 'Error: bad: its current context names no cluster'],
  ])('that is none is named: %j', async (content, message) => {
    expect(await failure(file('bad', content))).toContain(message);
  });
});

describe('a command for credentials', () => {
  const withCommand = (script: string) =>
    file('exec', {
      'current-context': 'one',
      clusters: [cluster('one', 1)],
      contexts: [context('one', 'one')],
      users: [
        {
          name: 'jane',
          user: {
            exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'sh', args: ['-c', script] },
          },
        },
      ],
    });

  it.each([
    ['no status', `echo '{"kind":"ExecCredential"}'`, 'it gave no ExecCredential with a status'],
    ['a text', `echo '"token"'`, 'it gave no ExecCredential with a status'],
    ['nothing', 'true', 'it gave no ExecCredential with a status'],
    ['no JSON', 'echo no token', 'it gave no ExecCredential with a status'],
    ['a failure', 'echo log in first >&2; exit 3', 'log in first'],
    ['a failure without a word', 'exit 3', 'it failed and said nothing'],
  ])('that gives %s is named, and no stack is shown', async (_, script, why) => {
    expect(await failure(withCommand(script))).toBe(`Error: exec: credentials of user jane: ${why}`);
  });

  it('that cannot be run is named', async () => {
    const path = withCommand('').replace(/exec$/, 'no-exec');
    writeFileSync(
      path,
      JSON.stringify({
        'current-context': 'one',
        clusters: [cluster('one', 1)],
        contexts: [context('one', 'one')],
        users: [{ name: 'jane', user: { exec: { command: 'no-such-command' } } }],
      }),
    );
    expect(await failure(path)).toBe(
      'Error: no-exec: credentials of user jane: spawn no-such-command ENOENT',
    );
  });

  it('that works is asked', async () => {
    const credential = { kind: 'ExecCredential', status: { token: 't' } };
    expect(await failure(withCommand(`echo '${JSON.stringify(credential)}'`))).toBe(refused(1));
  });
});
