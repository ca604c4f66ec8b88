import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { followPaths, type Follow } from '../io/follow-paths.ts';
import {
  createAuthority,
  issueCertificate,
  servingNames,
  type KeyedCertificate,
  type ServingNames,
} from './authority.ts';
import {
  createCertificateSource,
  parseCertificate,
  type CertificateSource,
  type NamedPem,
  type TlsCertificate,
} from './certificate-source.ts';
import { reasonNotToIssue, reasonNotToServe, reasonToRenew } from './validity.ts';
import { withLock } from './with-lock.ts';

export interface CertificateDirectoryOptions {
  /** Made if need be; holds `ca.crt`, `ca.key`, `tls.crt` and `tls.key`. */
  readonly directory: string;
  readonly names?: ServingNames;
  readonly now?: () => number;
  /** Files were made, and why. */
  readonly onMake: (files: readonly string[], why: string) => void;
  readonly onRefuse: (error: Error) => void;
  /** Another process holds the lock (a file) for long. */
  readonly onWait?: (lock: string) => void;
  readonly follow?: Follow;
}

/**
 * A certificate of our own making, and the authority that it is of. Each is made anew when it is missing, broken or past
 * two thirds of its life, also while it serves. Only what we made is ever replaced, which the first line of each file says:
 * files of another maker are used as they are, or are an error.
 */
export async function createCertificateDirectory({
  directory,
  names = servingNames(),
  now = Date.now,
  onMake,
  onRefuse,
  onWait = () => {},
  follow = followPaths([directory]),
}: CertificateDirectoryOptions): Promise<CertificateSource> {
  async function load(): Promise<TlsCertificate> {
    const renewal = await planRenewal(directory, names, now());
    if (renewal !== undefined) {
      await withLock(join(directory, '.lock'), renew, { onWait }).catch((error: unknown) => {
        throw notWritten(renewal, error);
      });
    }
    return contentOf(await readPair(directory, 'tls'));
  }

  async function renew(): Promise<void> {
    // Asked again: another process may just have made it.
    const renewal = await planRenewal(directory, names, now());
    if (renewal === undefined) return;
    const { why, issuer, authority, serving } = renewal;
    const signer = issuer ?? (await createAuthority({ now: now() }));
    const leaf = await issueCertificate({ authority: signer, ...names, now: now() });
    await writeAll([...(issuer === undefined ? textsOf(authority, signer) : []), ...textsOf(serving, leaf)]);
    onMake([...(issuer === undefined ? authority.files : []), ...serving.files], why);
  }
  await makeDirectory(directory);
  return createCertificateSource({ load, follow, onRefuse });
}

/**
 * Makes a new authority and a certificate of it in a directory that has one of our making, and gives the files. Rejects where it
 * has none, or where a file of it is not of our making.
 */
export async function rotateCertificateDirectory({
  directory,
  names = servingNames(),
  now = Date.now,
  onWait = () => {},
}: Pick<CertificateDirectoryOptions, 'directory' | 'names' | 'now' | 'onWait'>): Promise<readonly string[]> {
  if (!(await stat(directory)).isDirectory()) throw new Error(`${directory}: not a directory`);
  return withLock(
    join(directory, '.lock'),
    async () => {
      const pairs = [await readPair(directory, 'ca'), await readPair(directory, 'tls')] as const;
      const [authority, serving] = pairs;
      if (pairs.every(({ isThere }) => !isThere)) throw new Error(`${directory}: no certificates to rotate`);
      const others = pairs.find(({ ours }) => !ours);
      if (others !== undefined) {
        throw new Error(`${others.files.join(', ')}: not made by sigma-admission, so not replaced`);
      }
      const signer = await createAuthority({ now: now() });
      const leaf = await issueCertificate({ authority: signer, ...names, now: now() });
      await writeAll([...textsOf(authority, signer), ...textsOf(serving, leaf)]);
      return [...authority.files, ...serving.files];
    },
    { onWait },
  );
}

/** What must be made: a serving certificate, and without an `issuer` its authority first. */
interface Renewal {
  readonly why: string;
  readonly issuer: KeyedCertificate | undefined;
  readonly authority: Pair;
  readonly serving: Pair;
}

async function planRenewal(
  directory: string,
  names: ServingNames,
  now: number,
): Promise<Renewal | undefined> {
  const [authority, serving] = await Promise.all([readAuthority(directory), readPair(directory, 'tls')]);
  const servingProblem = reasonToReplace(serving, now);
  if (!serving.ours) return undefined;
  const authorityProblem = reasonToReplace(authority, now);
  const why = authorityProblem ?? servingProblem ?? mismatch(serving, authority, names);
  const issuer = authorityProblem === undefined ? contentOf(authority) : undefined;
  return why === undefined ? undefined : { why, issuer, authority, serving };
}

/** Text before `-----BEGIN` is a comment in PEM, to OpenSSL and to Go. */
const OURS =
  '# Made by sigma-admission, which replaces it in time. Put your own here, and it is left alone.\n';

/** A certificate and its key as they are on disk. */
interface Pair {
  readonly files: readonly [certificate: string, key: string];
  /** Made by us, or not there at all. */
  readonly ours: boolean;
  /** One file of it, at least. */
  readonly isThere: boolean;
  readonly content: TlsCertificate | Error;
}

/** One that cannot issue is as good as none. */
async function readAuthority(directory: string): Promise<Pair> {
  const pair = await readPair(directory, 'ca');
  const problem = pair.content instanceof Error ? undefined : reasonNotToIssue(pair.content);
  return problem === undefined ? pair : { ...pair, content: new Error(`${pair.files[0]}: ${problem}`) };
}

async function readPair(directory: string, name: string): Promise<Pair> {
  const files = [join(directory, `${name}.crt`), join(directory, `${name}.key`)] as const;
  const texts = await Promise.all(files.map(readIfThere));
  const [certificate, key] = texts;
  return {
    files,
    isThere: texts.some((text) => text !== undefined),
    ours: texts.every((text) => text === undefined || text.startsWith(OURS)),
    content:
      certificate === undefined || key === undefined
        ? new Error(`${files[certificate === undefined ? 0 : 1]}: does not exist`)
        : parsed({ name: files[0], text: certificate }, { name: files[1], text: key }),
  };
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parsed(certificate: NamedPem, key: NamedPem): TlsCertificate | Error {
  try {
    return parseCertificate(certificate, key);
  } catch (error) {
    return error as Error;
  }
}

function contentOf({ content }: Pair): TlsCertificate {
  if (content instanceof Error) throw content;
  return content;
}

/** Why a pair of ours cannot stay. What is not ours stays as long as it can be read, and is an error when not. */
function reasonToReplace({ files: [file], ours, content }: Pair, now: number): string | undefined {
  if (content instanceof Error) {
    if (ours) return content.message;
    throw new Error(
      `${content.message}. sigma-admission did not make it, so it is not replaced: mend it, or remove both files to have new ones made`,
      { cause: content },
    );
  }
  const reason = ours ? reasonToRenew(content, now) : undefined;
  return reason === undefined ? undefined : `${file}: ${reason}`;
}

/** Why a serving certificate of ours, good in itself, is not the one that is needed. */
function mismatch(serving: Pair, authority: Pair, names: ServingNames): string | undefined {
  const issuer = { ...contentOf(authority), file: authority.files[0] };
  const reason = reasonNotToServe(contentOf(serving), issuer, names);
  return reason === undefined ? undefined : `${serving.files[0]}: ${reason}`;
}

interface FileText {
  readonly file: string;
  readonly text: string;
  readonly mode: number;
}

function textsOf({ files: [certificate, key] }: Pair, made: KeyedCertificate): readonly FileText[] {
  return [
    { file: key, text: OURS + made.keyPem, mode: 0o600 },
    { file: certificate, text: OURS + made.certificatePem, mode: 0o644 },
  ];
}

/** All of them or, on a full disk, none; each whole, and never for a moment readable by more than its `mode` says. */
export async function writeAll(texts: readonly FileText[]): Promise<void> {
  const temporaries = texts.map((each) => ({ ...each, temporary: `${each.file}.${randomUUID()}` }));
  try {
    for (const { temporary, text, mode } of temporaries) {
      await writeFile(temporary, text, { mode, flag: 'wx', flush: true });
    }
    for (const { temporary, file } of temporaries) await rename(temporary, file);
  } catch (error) {
    await Promise.all(temporaries.map(({ temporary }) => rm(temporary, { force: true })));
    throw error;
  }
}

/** `mkdir` with `recursive` says ENOENT where a file system is read-only: each directory says for itself why it cannot be made. */
async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(directory)).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(directory) === directory) throw error;
    await makeDirectory(dirname(directory));
    await mkdir(directory);
  }
}

/** Why a certificate is due, and what kept it from being written. */
function notWritten({ why }: Renewal, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === undefined
    ? (error as Error)
    : new Error(`a certificate is due (${why}), and cannot be written: ${message}`, { cause: error });
}
