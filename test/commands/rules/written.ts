import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll } from '@jest/globals';

const written: string[] = [];
afterAll(() => {
  for (const directory of written) rmSync(directory, { recursive: true });
});

/** A new directory with these files, by path. It is gone when the tests are over. */
export function directoryOf(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'rules-'));
  written.push(directory);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

/** What a command writes, with the directory it was given left out, so that it reads the same everywhere. */
export function captured(directory = '\0') {
  const texts = { stdout: '', stderr: '' };
  const into = (name: keyof typeof texts) =>
    new Writable({
      write(chunk, _encoding, done) {
        texts[name] += String(chunk).replaceAll(`${directory}/`, '');
        done();
      },
    });
  return { io: { stdout: into('stdout'), stderr: into('stderr') }, texts };
}

/** A rule of this id, made of these lines below `detection`. */
export function ruleOf(id: string, title: string, detection: string, more = ''): string {
  return `title: ${title}\nid: ${id}\n${more}logsource: {product: kubernetes, service: audit}\ndetection:\n${detection}`;
}
