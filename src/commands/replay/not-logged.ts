import type { AuditEvent } from '../../kubernetes/audit-event.ts';

/** Why a field could not be seen in a logged event: `requestObject not logged at level Metadata`. */
export function whyNotLogged(field: string, event: AuditEvent): string {
  const [top = ''] = field.split('.');
  // What provenance is computed from is the object.
  if (top === 'provenance' && event.provenance !== undefined) return `${field} not known from a log`;
  const body = top === 'provenance' ? 'requestObject' : top;
  return `${body} ${why(body, event)}`;
}

function why(body: string, { level, stage, annotations }: AuditEvent): string {
  if (annotations?.['audit.k8s.io/truncated'] === 'true')
    return 'cut off by the API server (audit.k8s.io/truncated)';
  if (level === undefined) return 'not logged';
  const isLogged = level === 'RequestResponse' || (level === 'Request' && body === 'requestObject');
  // Levels and stages come from the log, their names from us: anything may stand there.
  if (isLogged && (stage === 'RequestReceived' || stage === 'ResponseStarted'))
    return `not yet there at stage ${stage}`;
  if (body === 'responseStatus') return 'not yet there at stage RequestReceived';
  if (isLogged) return 'not logged, as in an aggregated API';
  return level === 'Metadata' || level === 'Request' ? `not logged at level ${level}` : 'not logged';
}
