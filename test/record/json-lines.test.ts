import { openSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { createQueue } from '../../src/record/json-lines.ts';

it('outlives a full disk: it says so once, and neither throws nor waits', async () => {
  const fd = openSync('/dev/full', 'w');
  const failures: (string | undefined)[] = [];
  const failed = Promise.withResolvers<void>();
  const queue = createQueue(fd, {
    onDrop: () => {},
    onFailure(error: NodeJS.ErrnoException) {
      failures.push(error.code);
      failed.resolve();
    },
  });
  queue.write('{"a":1}\n');
  await failed.promise;
  queue.write('{"a":2}\n');
  queue.close();
  expect(failures).toEqual(['ENOSPC']);
});
