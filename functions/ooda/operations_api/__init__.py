"""Operations API: incidents, work orders and the plan, and whether repairs held."""
