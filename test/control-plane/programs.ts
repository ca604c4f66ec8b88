import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../lib/eventually.ts';
import type { Exit, Order, Program } from './supervisor.ts';

/** Programs that stop when they are told to, or when this process is gone. */
export interface Programs {
  /** Starts one and waits until it is ready; rejects with the end of its log if it exits before that, or takes too long. */
  start(program: Program, isReady: () => Promise<boolean>): Promise<void>;
  /** Stops one, and resolves when it is gone. */
  stop(name: string): Promise<void>;
  /** Stops all, the last started first, and removes their directory unless it is to be kept. */
  end(options?: { readonly keepDirectory?: boolean }): Promise<void>;
}

const READY_TIMEOUT_MS = 60_000;
const LOG_TAIL_LINES = 15;

/** Programs whose files are in `directory`, under a supervisor of their own. */
export function supervise(directory: string): Programs {
  const supervisor = fork(join(import.meta.dirname, 'supervisor.ts'), [directory], {
    detached: true, // A Ctrl-C in the terminal is for us; it would reach etcd before the API server that needs it.
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const exits = new Map<string, Promise<string>>();
  supervisor.unref();
  supervisor.channel?.unref();

  async function start(program: Program, isReady: () => Promise<boolean>): Promise<void> {
    let how: string | undefined;
    const exit = exitOf(program.name);
    exits.set(program.name, exit);
    void exit.then((told) => (how = told));
    send({ start: program });
    try {
      await eventually(
        `${program.name} is ready`,
        async () => how !== undefined || isReady(),
        READY_TIMEOUT_MS,
      );
      if (how !== undefined) throw new Error(`${program.name} ended (${how}) before it was ready`);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${tailOf(program.log)}`, { cause: error });
    }
  }

  async function stop(name: string): Promise<void> {
    send({ stop: name });
    await exits.get(name);
  }

  async function end({ keepDirectory = false } = {}): Promise<void> {
    if (supervisor.exitCode !== null || supervisor.signalCode !== null) return;
    const exited = once(supervisor, 'exit');
    send({ end: true, keepDirectory });
    await exited;
  }

  function send(order: Order): void {
    supervisor.send(order);
  }

  function exitOf(name: string): Promise<string> {
    return new Promise((resolve) => {
      const listen = (exit: Exit) => {
        if (exit.exited !== name) return;
        supervisor.off('message', listen);
        resolve(exit.how);
      };
      supervisor.on('message', listen);
      supervisor.channel?.unref(); // A listener for messages takes the reference again.
    });
  }

  /** What is waited for keeps this process alive; at rest, the supervisor does not. */
  async function held(action: Promise<void>): Promise<void> {
    supervisor.ref();
    await action.finally(() => supervisor.unref());
  }

  return {
    start: (program, isReady) => held(start(program, isReady)),
    stop: (name) => held(stop(name)),
    end: (options) => held(end(options)),
  };
}

function tailOf(log: string): string {
  return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
}
