import { Writable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { createOutput } from '../../src/io/output.ts';

function failing(error: Error): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done(error) });
}

describe('standard output', () => {
  it('waits for a slow reader', async () => {
    const taken: string[] = [];
    let take = () => {};
    const slow = new Writable({
      highWaterMark: 4,
      write(chunk, _encoding, done) {
        taken.push(String(chunk));
        take = done;
      },
    });
    const output = createOutput(slow);
    output.write('longer than that');
    let isReady = false;
    const ready = output.ready().then(() => (isReady = true));
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(isReady).toBe(false);
    take();
    await ready;
    expect([taken, output.closed(), output.failed()]).toEqual([['longer than that'], undefined, false]);
  });

  it('says that its reader is gone, which is no failure, and takes no more', async () => {
    const output = createOutput(failing(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })));
    output.write('a');
    await output.ready();
    output.write('b');
    await output.ready();
    expect([output.closed(), output.failed()]).toEqual(['the reader of the output has gone', false]);
  });

  it('says that it cannot be written, which is a failure', async () => {
    const output = createOutput(failing(Object.assign(new Error('no space left'), { code: 'ENOSPC' })));
    output.write('a');
    await output.ready();
    expect([output.closed(), output.failed()]).toEqual(['cannot write: no space left', true]);
  });

  it('does not wait for a reader that goes away while it is full', async () => {
    const full = new Writable({ highWaterMark: 1, write: () => {} });
    const output = createOutput(full);
    output.write('more');
    const ready = output.ready();
    await new Promise(setImmediate);
    full.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    await ready;
    expect(output.closed()).toBe('the reader of the output has gone');
  });
});
