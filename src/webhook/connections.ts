import type { Server } from 'node:http';
import type { Socket } from 'node:net';

export interface ConnectionLimits {
  /** Connections that have not delivered a whole request, in all: one more closes the oldest of them. */
  readonly newcomers: number;
  /** The same of one address, which strangers may share with an API server. */
  readonly newcomersPerAddress: number;
  /** Connections that were worth an answer: beyond them a connection ends with its answer, so that room for newcomers stays. */
  readonly kept: number;
}

/** The open connections of a server. A connection that was worth an answer is never closed for another. */
export interface Connections {
  /** Whether a connection may stay once its request is answered. */
  mayStay(socket: Socket): boolean;
  /** A whole request came: its connection is not closed for another while it is answered. */
  delivered(socket: Socket): void;
  /** The answer is out, or cannot be. */
  answered(socket: Socket, isWorthKeeping: boolean): void;
  /** Closes all of them, those that still shake hands as well. */
  closeAll(): void;
}

interface Connection {
  readonly socket: Socket;
  readonly address: string;
  isOpen: boolean;
}

/** A TLS socket and the TCP socket below it have the same. */
const keyOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;

/** Follows the connections of `server`; `onClosed` is told of each that is closed for another. */
export function followConnections(
  server: Server,
  { newcomers: most, newcomersPerAddress, kept: mostKept }: ConnectionLimits,
  onClosed: () => void,
): Connections {
  const open = new Map<string, Connection>();
  /** By the socket that requests name, because to ask it for its address each time would cost more. */
  const known = new WeakMap<Socket, Connection>();
  const kept = new Set<Connection>();
  // The oldest first.
  const newcomers = new Set<Connection>();
  const byAddress = new Map<string, Set<Connection>>();

  function connectionOf(socket: Socket): Connection | undefined {
    const connection = known.get(socket) ?? open.get(keyOf(socket));
    if (connection?.isOpen !== true) return undefined;
    known.set(socket, connection);
    return connection;
  }
  function add(connection: Connection): void {
    const ofAddress = byAddress.get(connection.address) ?? new Set();
    byAddress.set(connection.address, ofAddress.add(connection));
    newcomers.add(connection);
    const crowded =
      ofAddress.size > newcomersPerAddress ? ofAddress : newcomers.size > most ? newcomers : undefined;
    const [oldest] = crowded ?? [];
    if (oldest === undefined) return;
    remove(oldest);
    oldest.socket.destroy();
    onClosed();
  }
  function remove(connection: Connection): void {
    newcomers.delete(connection);
    const ofAddress = byAddress.get(connection.address);
    ofAddress?.delete(connection);
    if (ofAddress?.size === 0) byAddress.delete(connection.address);
  }
  server.on('connection', (socket: Socket) => {
    const key = keyOf(socket);
    const connection = { socket, address: socket.remoteAddress ?? '', isOpen: true };
    open.set(key, connection);
    socket.once('close', () => {
      connection.isOpen = false;
      if (open.get(key) === connection) open.delete(key);
      kept.delete(connection);
      remove(connection);
    });
    add(connection);
  });
  return {
    mayStay(socket) {
      if (kept.size < mostKept) return true;
      const connection = connectionOf(socket);
      return connection !== undefined && kept.has(connection);
    },
    delivered(socket) {
      const connection = connectionOf(socket);
      if (connection !== undefined) remove(connection);
    },
    answered(socket, isWorthKeeping) {
      const connection = connectionOf(socket);
      if (connection === undefined || kept.has(connection)) return;
      remove(connection);
      if (isWorthKeeping) kept.add(connection);
      else add(connection);
    },
    closeAll() {
      for (const { socket } of open.values()) socket.destroy();
    },
  };
}
