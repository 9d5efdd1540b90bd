"""The solver: it plans tasks, shifts and tours, and knows nothing of faults, crews or S3.

=============  =======================================================================================
`problem`      what is to be planned: tasks, shifts, ways, windows
`clock`        the seconds that are left, for every phase
`tour`         what one tour costs
`segments`     pieces of tours that are joined
`tours`        how a tour changes when a task is added or taken out
`places`       which shifts can do a task, the cheapest first
`neighbours`   which tasks lie near each other
`solution`     tours put together: a tour for each shift that is used, and the tasks left out
`columns`      promising tours, quickly
`relaxation`   parts of tours that cost least, and a whole solution made of them
`current`      the solution that a search takes apart
`search`       good solutions by ruin and recreate
`together`     the limit of tours at once in the relaxation
`partition`    the best choice among tours that were met (integer programming)
`bounds`       what the rest of a tour costs at least
`pricing`      the tours that the linear relaxation still lacks
`proof`        how good any solution can be, and the best one where that can be proven
`dispatch`     what a simple rule would do instead
`regions`      a country that is too large for one problem, in parts
`solve`        all of it within a budget
=============  =======================================================================================
"""
