import { existsSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';

/**
 * For people's commands, the files that choose the cluster: the one that was named; else those of $KUBECONFIG; else, in a
 * pod, undefined, which is its service account; else the one that kubectl takes.
 */
export function kubeconfigOf(
  named: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] | undefined {
  if (named !== undefined) return [named];
  const files = (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  if (files.length > 0) return files;
  if (env['KUBERNETES_SERVICE_HOST'] !== undefined) return undefined;
  return [join(homedir(), '.kube/config')];
}

/**
 * The files as one kubeconfig, merged as kubectl merges them: of several that name the same thing the first counts, and
 * one that is missing counts for nothing. client-node's own merge lets the last current context count.
 */
export async function readKubeconfig(files: readonly string[]): Promise<KubeConfig> {
  const client = await import('@kubernetes/client-node');
  const there = files.filter((file) => existsSync(file));
  if (there.length === 0) throw new Error(`${files.join(delimiter)}: no such file`);
  const parts = there.map((file) => {
    const part = new client.KubeConfig();
    try {
      part.loadFromFile(file);
    } catch (error) {
      throw new Error(`${file}: not a kubeconfig: ${(error as Error).message}`, { cause: error });
    }
    return part;
  });
  const config = new client.KubeConfig();
  config.loadFromOptions({
    clusters: firstByName(parts.flatMap(({ clusters }) => clusters)),
    users: firstByName(parts.flatMap(({ users }) => users)),
    contexts: firstByName(parts.flatMap(({ contexts }) => contexts)),
    currentContext: parts.find(({ currentContext }) => currentContext)?.currentContext,
  });
  return config;
}

function firstByName<T extends { readonly name: string }>(all: readonly T[]): readonly T[] {
  return [...new Map(all.toReversed().map((each) => [each.name, each])).values()];
}

/** TLS and headers of a request as the current user. A command that gives credentials is run for it, and named where it fails. */
export async function requestOptions(config: KubeConfig, files: string): Promise<RequestOptions> {
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (error) {
    const user = config.getCurrentUser()?.name ?? '';
    throw new Error(`${files}: credentials of user ${user}: ${problemOf(error as Error)}`, { cause: error });
  }
  return options;
}

/** client-node reads the answer of a command without looking at it. */
function problemOf(error: Error): string {
  if (error instanceof TypeError || error instanceof SyntaxError)
    return 'it gave no ExecCredential with a status';
  return error.message.trim() || 'it failed and said nothing';
}
