"""`ona models backtest`: a customer's own history, forecast as it would have been, beside simple forecasts.

`history` reads the bucket, `plan` says when was trained, `replay` trains and forecasts with the platform's
own code, `peers` says what simple forecasts would have said, `report` makes scores and sentences of it,
`picture` draws them. Nothing here changes what serves.
"""
