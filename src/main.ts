#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { allowlistSuggest } from './allowlist/suggest.ts';
import { connectToCluster } from './cluster/api-server.ts';
import { kubeconfigOf } from './cluster/kubeconfig.ts';
import { parseCommandLine, type CommandLine } from './settings/command-line.ts';
import { healsCluster } from './install/heals.ts';
import { allowUsersSource, directorySource, sourceUnion } from './policy/rule-source.ts';
import { installCheck } from './install-check.ts';
import { replay } from './replay.ts';
import { rulesCheck } from './rules/check.ts';
import { rulesExplain } from './rules/explain.ts';
import { rulesList } from './rules/list.ts';
import { rulesTest } from './rules/test.ts';
import { scan } from './scan.ts';
import { serve } from './serve.ts';
import { SigmaError } from './sigma/errors.ts';

/** The only file that touches the process: what it was told, its streams, its signals, its exit code. */
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const asked = parseCommandLine(process.argv.slice(2), {
  env: process.env,
  readFile: (path) => readFileSync(path, 'utf8'),
  version,
});

try {
  process.exitCode = await run(asked);
} catch (error) {
  process.stderr.write(`sigma-admission: ${explain(error)}\n`);
  // Not just its exit code: what had begun by then (a port, a watch) would keep a process that serves nobody.
  process.exit(1);
}

async function run(command: CommandLine): Promise<number> {
  switch (command.command) {
    case 'print': {
      const stream = command.exitCode === 0 ? process.stdout : process.stderr;
      stream.write(command.text);
      return command.exitCode;
    }
    case 'serve':
      await serve(command.config, {
        stdoutFd: process.stdout.fd,
        stderrFd: process.stderr.fd,
        env: process.env,
        greet:
          process.env['KUBERNETES_SERVICE_HOST'] === undefined
            ? (text) => process.stderr.write(text)
            : undefined,
        stopped: new Promise((resolve) => {
          for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
        }),
      });
      return 0;
    case 'replay': {
      const { rulesDirs, filtersDirs, allowUsers } = command.config;
      return replay(command.config, {
        stdin: process.stdin,
        stdout: process.stdout,
        stderr: process.stderr,
        isTerminal: process.stderr.isTTY,
        source: sourceUnion([directorySource([...rulesDirs, ...filtersDirs]), allowUsersSource(allowUsers)]),
        heals: ({ user = {} }) => healsCluster(user, 'upstream'),
      });
    }
    case 'scan': {
      const { rulesDirs, filtersDirs, allowUsers, kubeconfig } = command.config;
      const { env } = process;
      return scan(command.config, {
        stdin: process.stdin,
        stdout: process.stdout,
        stderr: process.stderr,
        isTerminal: process.stderr.isTTY,
        source: sourceUnion([directorySource([...rulesDirs, ...filtersDirs]), allowUsersSource(allowUsers)]),
        connect: () => connectToCluster({ kubeconfig: kubeconfigOf(kubeconfig, env), env }),
      });
    }
    case 'allowlist suggest':
      return allowlistSuggest(command.config, process);
    case 'rules check':
      return rulesCheck(command.config, process);
    case 'rules list':
      return rulesList(command.config, process);
    case 'rules explain':
      return rulesExplain(command.config, process);
    case 'rules test':
      return rulesTest(command.config, process);
    case 'install check': {
      const { stdin, stdout, stderr, env } = process;
      return installCheck(command.config, { stdin, stdout, stderr, env });
    }
  }
}

/** What a person can act on; the stack only of what nobody foresaw. */
function explain(error: unknown): string {
  if (error instanceof SigmaError) return `the rules cannot be loaded\n${error.message}`;
  if (!(error instanceof Error)) return String(error);
  return error instanceof TypeError || error instanceof RangeError
    ? (error.stack ?? error.message)
    : error.message;
}
