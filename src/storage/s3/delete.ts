import { DeleteObjectCommand, DeleteObjectsCommand } from '@aws-sdk/client-s3';
import { isHoldfastError } from '../../errors/holdfast-error';
import { storageError, type StorageErrorCode } from '../../errors/storage';
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
        const perKey = isHoldfastError(error) && error.context.failed !== undefined;
        if (!isHoldfastError(error) || !NO_BATCH.has(error.code) || perKey) throw error;
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
    if (failed.length > 0) throw this.partialFailure(failed, objectKeys.length);
  }

  /** The first key's error stands for all; each of these has a code, but no HTTP status of its own. */
  private partialFailure(failed: readonly { Code?: string; Message?: string; Key?: string }[], asked: number): Error {
    const { Code, Message, Key } = failed[0]!;
    const $metadata = { httpStatusCode: Code === 'InternalError' ? 500 : 403 };
    const error = s3Error({ name: Code, message: Message, $metadata }, this.context(Key));
    if (!isHoldfastError(error)) return error;
    const detail = `${failed.length} of ${asked} objects could not be deleted: ${error.message}`;
    return storageError(error.code as StorageErrorCode, detail, {
      hint: error.hint,
      context: { failed: failed.length },
    });
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
