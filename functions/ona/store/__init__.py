"""Where things are kept: S3 objects and their keys, DynamoDB tables, Parquet."""
