import { DeleteObjectCommand, DeleteObjectsCommand } from '@aws-sdk/client-s3';
import { isHoldfastError } from '../../errors/holdfast-error';
import { storageError } from '../../errors/storage';
import { s3Error, type S3ErrorContext } from './errors';
import { send, type S3Access } from './requests';

/** S3's bound of one batch. */
const BATCH = 1000;
/** Answers of stores that have no batch delete, or none without Content-MD5. */
const NO_BATCH = new Set(['STORE_UNSUPPORTED', 'STORE_REFUSED']);

/** Deletes in batches, or one by one at stores without batches, and reports every key that would not go. */
export class Deleter {
  private batches = true;

  constructor(
    private readonly access: S3Access,
    private readonly store: string,
  ) {}

  async delete(objectKeys: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    for (let at = 0; at < objectKeys.length; at += BATCH)
      await this.deleteBatch(objectKeys.slice(at, at + BATCH), signal);
  }

  private async deleteBatch(objectKeys: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    if (this.batches && objectKeys.length > 1) {
      try {
        await this.sendBatch(objectKeys, signal);
        return;
      } catch (error) {
        if (!isHoldfastError(error) || !NO_BATCH.has(error.code) || error.context.key !== undefined) throw error;
        this.batches = false;
      }
    }
    for (const key of objectKeys) await this.deleteOne(key, signal);
  }

  private async sendBatch(objectKeys: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    const { client, config } = this.access;
    const answer = await send(this.context(), signal, (to) =>
      client.send(
        new DeleteObjectsCommand({
          Bucket: config.bucket,
          Delete: { Quiet: true, Objects: objectKeys.map((Key) => ({ Key })) },
        }),
        to,
      ),
    );
    const failed = (answer.Errors ?? []).filter(({ Code }) => Code !== 'NoSuchKey' && Code !== 'NoSuchVersion');
    const first = failed[0];
    if (!first) return;
    const cause = { name: first.Code, message: first.Message, $metadata: { httpStatusCode: 403 } };
    const mapped = s3Error(
      { ...cause, $metadata: { httpStatusCode: first.Code === 'InternalError' ? 500 : 403 } },
      this.context(first.Key),
    );
    if (!isHoldfastError(mapped)) throw mapped;
    const code = mapped.code as Parameters<typeof storageError>[0];
    throw storageError(
      code,
      `${failed.length} of ${objectKeys.length} objects could not be deleted, the first because`,
      {
        context: mapped.context,
        hint: mapped.hint,
      },
    );
  }

  private async deleteOne(objectKey: string, signal: AbortSignal | undefined): Promise<void> {
    const { client, config } = this.access;
    try {
      await send(this.context(objectKey), signal, (to) =>
        client.send(new DeleteObjectCommand({ Bucket: config.bucket, Key: objectKey }), to),
      );
    } catch (error) {
      if (!isHoldfastError(error, 'STORE_OBJECT_MISSING')) throw error;
    }
  }

  private context(key?: string): S3ErrorContext {
    return { store: this.store, bucket: this.access.config.bucket, operation: 'delete', key };
  }
}
