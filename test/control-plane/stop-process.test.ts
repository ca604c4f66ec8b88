import { spawn } from 'node:child_process';
import { expect, it } from '@jest/globals';
import { endLeftovers, noted, stopProcess } from './stop-process.ts';

const start = () => noted(spawn(process.execPath, ['--eval', 'setInterval(() => {}, 60_000)']));

it('a process that a test file left running is ended, and one it stopped is left alone', async () => {
  const [left, stopped] = [start(), start()];
  await stopProcess(stopped, 'a process', () => []);
  await endLeftovers();
  expect([left.signalCode, stopped.signalCode]).toEqual(['SIGKILL', 'SIGTERM']);
});
