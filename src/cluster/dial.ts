import { connect } from 'node:tls';
import { parseBundle, pemOf } from '../certificates/authority-bundle.ts';

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  /** The server name (SNI) that the certificate must be valid for. */
  readonly servername: string;
  /** The CA certificates (PEM) that are trusted; no others are. */
  readonly ca: string;
  readonly timeoutMs: number;
}

/** Why a dial failed: the port is closed, no answer came, the certificate is not trusted, the other end hung up. */
export type DialProblem = 'refused' | 'timed-out' | 'certificate' | 'closed' | 'other';

/** A dial failed. The message is a sentence for an operator. */
export class DialError extends Error {
  override readonly name = 'DialError';
  readonly kind: DialProblem;

  constructor(kind: DialProblem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/**
 * Connects as an API server does, up to the end of the handshake, and hangs up. Resolves with when the certificate that was
 * shown ends; rejects with a DialError.
 */
export function dial({ host, port, servername, ca, timeoutMs }: DialOptions): Promise<{ notAfter: Date }> {
  const at = `${host}:${port}`;
  const { authorities } = parseBundle(ca);
  if (authorities.length === 0) {
    const problem = `the certificate at ${at} is not trusted: the CA bundle has no certificate in it`;
    return Promise.reject(new DialError('certificate', problem));
  }
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, servername, ca: pemOf(authorities), ALPNProtocols: ['http/1.1'] });
    const overdue = setTimeout(() => {
      fail(
        'timed-out',
        `no answer from ${at} within ${timeoutMs} ms: does a firewall keep port ${port} from being reached?`,
      );
    }, timeoutMs);
    const hangUp = () => {
      clearTimeout(overdue);
      socket.destroy();
    };
    function fail(kind: DialProblem, message: string, cause?: Error): void {
      hangUp();
      reject(new DialError(kind, message, { cause }));
    }
    socket.once('secureConnect', () => {
      const shown = socket.getPeerX509Certificate();
      hangUp();
      if (shown === undefined) reject(new DialError('other', `${at} showed no certificate`));
      else resolve({ notAfter: shown.validToDate });
    });
    // Not `once`: further errors of a connection that was given up are ignored.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (wasJudged(socket.authorizationError)) {
        fail('certificate', `the certificate at ${at} is not accepted: ${withoutHint(error.message)}`, error);
      } else {
        const kind = KINDS[error.code ?? ''] ?? 'other';
        fail(kind, `${at} ${SAID[kind](port)}${kind === 'other' ? `: ${error.message}` : ''}`, error);
      }
    });
    socket.once('close', () => fail('closed', `${at} ${SAID.closed(port)}`));
  });
}

/** Removes Node's advice on its own command line options. */
function withoutHint(message: string): string {
  return message.replace(/; if the root CA is installed locally.*/s, '');
}

/** Null until a certificate was verified, whatever the types say. */
function wasJudged(problem: Error | undefined): boolean {
  return problem !== undefined && problem !== null;
}

const KINDS: Readonly<Record<string, DialProblem>> = {
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'timed-out',
  ECONNRESET: 'closed',
  EPIPE: 'closed',
};

const SAID: Readonly<Record<DialProblem, (port: number) => string>> = {
  refused: () => 'refuses connections: nothing listens there',
  'timed-out': (port) => `does not answer: does a firewall keep port ${port} from being reached?`,
  certificate: () => 'shows a certificate that is not accepted',
  closed: () => 'hung up before the handshake was over',
  other: () => 'could not be dialled',
};
