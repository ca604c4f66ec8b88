#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { createOutput } from './io/output.ts';
import type { RuleSettings, RuleSource } from './policy/rule-source.ts';
import { parseCommandLine, type CommandLine } from './settings/command-line.ts';
import { SigmaError } from './sigma/read/errors.ts';

/** The only file that touches the process: what it was told, its streams, its signals, its exit code. */
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** By path, as it was when it was read. */
const files = new Map<string, string>();

function readFile(path: string): string {
  const text = files.get(path) ?? readFileSync(path, 'utf8');
  files.set(path, text);
  return text;
}

const asked = parseCommandLine(process.argv.slice(2), {
  env: process.env,
  readFile,
  version,
});

const stdout = createOutput(process.stdout);

try {
  const exitCode = await run(asked);
  await stdout.ready();
  const closed = stdout.closed();
  if (closed !== undefined) process.stderr.write(`stopped: ${closed}\n`);
  process.exitCode = stdout.failed() ? 2 : exitCode;
} catch (error) {
  process.stderr.write(`sigma-admission: ${explain(error)}\n`);
  // Not just its exit code: an open port or watch would keep a process that serves no client.
  process.exit(1);
}

async function run(command: CommandLine): Promise<number> {
  switch (command.command) {
    case 'print': {
      const stream = command.exitCode === 0 ? stdout : process.stderr;
      stream.write(command.text);
      return command.exitCode;
    }
    case 'serve': {
      const { serve } = await import('./commands/serve/serve.ts');
      await serve(command.config, {
        version,
        stdoutFd: process.stdout.fd,
        stderrFd: process.stderr.fd,
        sources: { argv: process.argv.slice(3), env: process.env, readFile },
        greet:
          process.env['KUBERNETES_SERVICE_HOST'] === undefined
            ? (text) => process.stderr.write(text)
            : undefined,
        stopped: new Promise((resolve) => {
          for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
        }),
      });
      return 0;
    }
    case 'replay': {
      const { replay } = await import('./commands/replay/replay.ts');
      const { isSystemIdentity } = await import('./registration/system-identity.ts');
      return replay(command.config, {
        ...streams(),
        source: await sourceOf(command.config),
        heals: ({ user = {} }) => isSystemIdentity(user, 'upstream'),
      });
    }
    case 'scan': {
      const { scan } = await import('./commands/scan/scan.ts');
      const { connectToCluster } = await import('./cluster/api-server.ts');
      const { kubeconfigOf } = await import('./cluster/kubeconfig.ts');
      const { env } = process;
      return scan(command.config, {
        ...streams(),
        source: await sourceOf(command.config),
        connect: () => connectToCluster({ kubeconfig: kubeconfigOf(command.config.kubeconfig, env), env }),
      });
    }
    case 'allowlist suggest': {
      const { allowlistSuggest } = await import('./commands/allowlist/suggest.ts');
      return allowlistSuggest(command.config, streams());
    }
    case 'allowlist unused': {
      const { allowlistUnused } = await import('./commands/allowlist/unused.ts');
      return allowlistUnused(command.config, streams());
    }
    case 'rules check': {
      const { rulesCheck } = await import('./commands/rules/check.ts');
      return rulesCheck(command.config, streams());
    }
    case 'rules list': {
      const { rulesList } = await import('./commands/rules/list.ts');
      return rulesList(command.config, streams());
    }
    case 'rules explain': {
      const { rulesExplain } = await import('./commands/rules/explain.ts');
      return rulesExplain(command.config, streams());
    }
    case 'rules test': {
      const { rulesTest } = await import('./commands/rules/test.ts');
      return rulesTest(command.config, streams());
    }
    case 'manifests': {
      const { manifests } = await import('./commands/manifests/manifests.ts');
      return manifests(command.config, streams());
    }
    case 'certificates rotate': {
      const { certificatesRotate } = await import('./commands/certificates/rotate.ts');
      const { connectToCluster } = await import('./cluster/api-server.ts');
      const { kubeconfigOf } = await import('./cluster/kubeconfig.ts');
      const { env } = process;
      return certificatesRotate(command.config, {
        ...streams(),
        connect: () => connectToCluster({ kubeconfig: kubeconfigOf(command.config.kubeconfig, env), env }),
      });
    }
    case 'install check': {
      const { installCheck } = await import('./commands/install-check/install-check.ts');
      return installCheck(command.config, { ...streams(), env: process.env });
    }
  }
}

function streams() {
  const { stdin, stderr } = process;
  return { stdin, stdout, stderr, isTerminal: stderr.isTTY };
}

async function sourceOf(settings: RuleSettings): Promise<RuleSource> {
  const { ruleSourceOf } = await import('./policy/rule-source.ts');
  return ruleSourceOf(settings);
}

/** The message of an error for users; the stack only of a bug. */
function explain(error: unknown): string {
  if (error instanceof SigmaError) return `the rules cannot be loaded\n${error.message}`;
  if (!(error instanceof Error)) return String(error);
  return error instanceof TypeError || error instanceof RangeError
    ? (error.stack ?? error.message)
    : error.message;
}
